/** What a caller's Envoy tries again, and what it never does. */
import { create } from "@bufbuild/protobuf";
import { packAny } from "@legation/envoy-api";
import {
  type HeaderMatcher,
  HeaderMatcherSchema,
  type RetryPolicy,
  RetryPolicy_ResetHeaderFormat,
  RetryPolicySchema,
} from "@legation/envoy-api/envoy/config/route/v3/route_components";
import { PreviousHostsPredicateSchema } from "@legation/envoy-api/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts";
import { PreviousPrioritiesConfigSchema } from "@legation/envoy-api/envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config";
import { duration } from "../../../envoy/primitives.js";
import type { TrafficSettings } from "../settings.js";
import { isGrpcCode, isHarmless, type RetryCondition, type RetryHeader, retryFailures } from "./retry-condition.js";

/**
 * The response header by which the Envoy of an instance tells its callers how its application failed: `unreached` when the
 * application was never given the request, `lost` when the connection broke before the response began. Callers strip it.
 */
export const failureHeader = "x-legation-app";

/** What requests differ in for retries: gRPC calls, `idempotentMethods`, and the rest. */
export type CallKind = "grpc" | "idempotent" | "other";

/**
 * A killed instance fails a request in one of four ways, by who died and when:
 *
 * | what died | the request | condition | tried again |
 * |---|---|---|---|
 * | instance and its Envoy | connection refused, or none yet | `connect-failure`, `reset-before-request`, `refused-stream` | always |
 * | instance and its Envoy | sent on a kept connection, then reset | `reset` | idempotent methods |
 * | application only | its Envoy could not connect: `failureHeader: unreached` | `connect-failure` | always |
 * | application only | its Envoy lost the connection: `failureHeader: lost` | `reset` | idempotent methods |
 *
 * So idempotent requests survive a kill -9 while another instance lives, unless their response has begun, and others do unless the
 * dead instance may have begun to work on them. A status that the application itself chose, a 503 too, is never tried again unless `on` says
 * so: it may mean that work was done. Codes of gRPC that `on` names hold for gRPC calls whatever `methods` says.
 * The next attempt goes to another endpoint: a dead endpoint has the fewest active requests, so that least-request would pick it
 * again, and 20 draws make that improbable (0.3 % of attempts with one of two dead).
 */
export function retryPolicy({ retries, timeouts, hedging }: TrafficSettings, kind: CallKind): RetryPolicy {
  const { backoff } = retries;
  const twice = kind === "idempotent" || retries.methods === "all";
  const hedged = hedging.enabled && (kind === "idempotent" || hedging.methods === "all");
  const on = retries.on.filter((condition) => (isGrpcCode(condition) ? kind === "grpc" : twice || isHarmless(condition)));
  return create(RetryPolicySchema, {
    ...conditions(on),
    // Without any condition Envoy hedges nothing. This one, without headers to look for, is never met.
    ...(hedged && on.length === 0 ? { retryOn: "retriable-headers" } : {}),
    numRetries: retries.attempts,
    ...((twice || hedged) && timeouts.perTry > 0 ? { perTryTimeout: duration(timeouts.perTry) } : {}),
    ...((twice || hedged) && timeouts.perTryIdle > 0 ? { perTryIdleTimeout: duration(timeouts.perTryIdle) } : {}),
    ...(retries.avoidPreviousHosts ? elsewhere() : {}),
    ...(retries.previousPriorities > 0 ? { retryPriority: otherPriorities(retries.previousPriorities) } : {}),
    retryBackOff: { baseInterval: duration(backoff.base), maxInterval: duration(backoff.max) },
    ...(backoff.headers.length > 0 ? { rateLimitedRetryBackOff: askedBackOff(backoff) } : {}),
  });
}

/** Envoy's words, those for failures without consequences first. */
function conditions(on: readonly RetryCondition[]) {
  const retriableHeaders: HeaderMatcher[] = [
    ...(on.includes("connect-failure") ? [matching({ header: failureHeader, exact: "unreached" })] : []),
    ...(on.includes("reset") ? [matching({ header: failureHeader, exact: "lost" })] : []),
    ...on.filter((condition) => typeof condition === "object").map(matching),
  ];
  const retriableStatusCodes = on.filter((condition) => typeof condition === "number");
  const named = retryFailures.filter((failure) => on.includes(failure));
  const words = [
    ...named.filter(isHarmless),
    ...(retriableHeaders.length > 0 ? ["retriable-headers"] : []),
    ...named.filter((failure) => !isHarmless(failure)),
    ...(retriableStatusCodes.length > 0 ? ["retriable-status-codes"] : []),
    ...on.filter(isGrpcCode),
  ];
  return { retryOn: words.join(","), retriableHeaders, retriableStatusCodes };
}

function matching({ header, exact, prefix }: RetryHeader): HeaderMatcher {
  const value = exact ?? prefix;
  return create(HeaderMatcherSchema, {
    name: header,
    headerMatchSpecifier:
      value === undefined
        ? { case: "presentMatch", value: true }
        : { case: "stringMatch", value: { matchPattern: { case: exact === undefined ? "prefix" : "exact", value } } },
  });
}

function elsewhere() {
  const value = packAny(PreviousHostsPredicateSchema, create(PreviousHostsPredicateSchema));
  const previous = { name: "envoy.retry_host_predicates.previous_hosts", configType: { case: "typedConfig", value } } as const;
  return { retryHostPredicate: [previous], hostSelectionRetryMaxAttempts: 20n };
}

function otherPriorities(updateFrequency: number) {
  const value = packAny(PreviousPrioritiesConfigSchema, create(PreviousPrioritiesConfigSchema, { updateFrequency }));
  return { name: "envoy.retry_priorities.previous_priorities", configType: { case: "typedConfig", value } } as const;
}

function askedBackOff({ headers, headersMax }: TrafficSettings["retries"]["backoff"]) {
  const { SECONDS, UNIX_TIMESTAMP } = RetryPolicy_ResetHeaderFormat;
  return {
    resetHeaders: headers.map(({ name, format }) => ({ name, format: format === "unix" ? UNIX_TIMESTAMP : SECONDS })),
    maxInterval: duration(headersMax),
  };
}
