/** What a rule asks for requests that are sent twice, or have a timeout, where it has none such. */
import type { z } from "zod";
import { idempotentMethods } from "../traffic/hedging/hedging.js";
import { isGrpcCode, isHarmless, type RetryCondition } from "../traffic/retries/retry-condition.js";
import type { TrafficFields } from "../traffic/settings.js";
import type { matchField } from "./rule-match.js";

type Written = Pick<TrafficFields, "timeouts" | "retries" | "hedging"> & { readonly match?: z.output<typeof matchField> | undefined };

/** The fields that would do nothing for any request of the rule, with the fix. What wider policies say of `methods` does not count. */
export function repeatFlaws({
  match,
  timeouts,
  retries,
  hedging,
}: Written): readonly { readonly path: readonly PropertyKey[]; readonly message: string }[] {
  const { grpc, methods = [] } = match ?? {};
  const byDeadline =
    grpc && timeouts?.request !== undefined
      ? [{ path: ["timeouts", "request"], message: "gRPC calls bring their own deadlines. Use stream, which bounds them" }]
      : [];
  if (!grpc && (methods.length === 0 || methods.some((method) => idempotentMethods.includes(method)))) return byDeadline;
  const what = grpc ? "gRPC calls" : `${methods.join(" and ")} requests`;
  const retried = retries?.methods === "all";
  const hedged = hedging?.methods === "all";
  const mend = "Write methods: all beside it if two instances may both carry them out, or take it out";
  const isNeverMet = (condition: RetryCondition) =>
    isGrpcCode(condition) ? !grpc && !methods.includes("POST") : !retried && !isHarmless(condition);
  return [
    ...byDeadline,
    ...(hedging?.enabled && !hedged ? [{ path: ["hedging", "enabled"], message: `${what} are not sent twice. ${mend}` }] : []),
    ...(retries?.on ?? []).flatMap((condition, i) =>
      isNeverMet(condition) ? [{ path: ["retries", "on", i], message: `${what} are not sent again after this. ${mend}` }] : [],
    ),
    ...(["perTry", "perTryIdle"] as const).flatMap((field) =>
      timeouts?.[field] !== undefined && !retried && !hedged
        ? [{ path: ["timeouts", field], message: `${what} are not sent twice. Write methods: all in retries or hedging, or take it out` }]
        : [],
    ),
  ];
}
