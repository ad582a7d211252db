/** What of the policies of a service the clients of gRPC do not follow, where an application calls it without an Envoy: in words. */
import type { Callee } from "./callee.js";
import { grpcMatch } from "./envoy/routes/grpc-match.js";
import type { RouteRule } from "./policy/route/rule.js";
import { unsupportedByGrpc } from "./policy/traffic/grpc.js";

/** The gaps of the service's settings, and of those of its rules that gRPC calls can meet. */
export function grpcGaps({ settings, rules }: Pick<Callee, "settings" | "rules">): readonly string[] {
  const own = unsupportedByGrpc(settings);
  const met = rules.filter(({ match }) => grpcMatch(match) !== undefined);
  return [...own, ...met.flatMap((rule) => [...actionGaps(rule), ...unsupportedByGrpc(rule.settings).filter((gap) => !own.includes(gap))])];
}

/** Of what a rule does, these clients send calls somewhere by weight and put in faults; nothing else. */
function actionGaps({ name, action, headers, fault }: RouteRule): readonly string[] {
  const gap = (what: string, why: string) => `gRPC clients without an Envoy do not follow ${what}: ${why}`;
  if (action.kind !== "forward") return [gap(name, `they know no ${action.kind}, and call as if the rule were not there`)];
  const subsets = [...new Set(action.to.flatMap(({ subset, declared }) => (declared && subset !== undefined ? [subset] : [])))];
  const edits: [string, unknown][] = [
    ["rewrite", action.rewrite],
    ["mirror", action.mirror],
    ["headers", headers],
  ];
  return [
    ...subsets.map((subset) => gap(`subset ${subset} of ${name}`, "they call any instance of the service")),
    ...edits.flatMap(([what, value]) => (value === undefined ? [] : [gap(`${what} of ${name}`, "they send calls as they are, and once")])),
    ...(fault && fault.headers.length > 0
      ? [gap(`fault of ${name}`, "theirs know no headers, so that all of the rule's calls would get it")]
      : []),
  ];
}
