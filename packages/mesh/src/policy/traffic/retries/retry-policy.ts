/** What a caller's Envoy tries again, and what it never does. */
import { create } from "@bufbuild/protobuf";
import { packAny } from "@legation/envoy-api";
import {
  type HeaderMatcher,
  HeaderMatcherSchema,
  type RetryPolicy,
  RetryPolicySchema,
} from "@legation/envoy-api/envoy/config/route/v3/route_components";
import { PreviousHostsPredicateSchema } from "@legation/envoy-api/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts";
import { duration } from "../../../envoy/primitives.js";
import type { TrafficSettings } from "../settings.js";

/**
 * The response header by which the Envoy of an instance tells its callers how its application failed: `unreached` when the
 * application was never given the request, `lost` when the connection broke before the response began. Callers strip it.
 */
export const failureHeader = "x-legation-app";

/** The methods of RFC 9110 §9.2.2 that may be sent twice. */
export const idempotentMethods = "GET|HEAD|OPTIONS|TRACE|PUT|DELETE";

/**
 * A killed instance fails a request in one of four ways, by who died and when:
 *
 * | what died | the request | condition | tried again |
 * |---|---|---|---|
 * | instance and its Envoy | connection refused, or none yet | `connect-failure`, `reset-before-request`, `refused-stream` | always |
 * | instance and its Envoy | sent on a kept connection, then reset | `reset` | idempotent methods |
 * | application only | its Envoy could not connect | `failureHeader: unreached` | always |
 * | application only | its Envoy lost the connection | `failureHeader: lost` | idempotent methods |
 *
 * So idempotent requests survive a kill -9 while another instance lives, unless their response has begun, and others do unless the
 * dead instance may have begun to work on them. A status that the application itself chose, a 503 too, is never tried again: it may mean that work was done.
 * The next attempt goes to another endpoint: a dead endpoint has the fewest active requests, so that least-request would pick it
 * again, and 20 draws make that improbable (0.3 % of attempts with one of two dead).
 */
export function retryPolicy(retries: TrafficSettings["retries"], idempotent: boolean): RetryPolicy {
  const always = ["connect-failure", "refused-stream", "reset-before-request", "retriable-headers"];
  return create(RetryPolicySchema, {
    retryOn: (idempotent ? [...always, "reset"] : always).join(","),
    numRetries: retries.attempts,
    retriableHeaders: idempotent ? [failed("unreached"), failed("lost")] : [failed("unreached")],
    retryHostPredicate: [
      {
        name: "envoy.retry_host_predicates.previous_hosts",
        configType: { case: "typedConfig", value: packAny(PreviousHostsPredicateSchema, create(PreviousHostsPredicateSchema)) },
      },
    ],
    hostSelectionRetryMaxAttempts: 20n,
    retryBackOff: { baseInterval: duration(retries.backoff.base), maxInterval: duration(retries.backoff.max) },
  });
}

function failed(how: "unreached" | "lost"): HeaderMatcher {
  return create(HeaderMatcherSchema, {
    name: failureHeader,
    headerMatchSpecifier: { case: "stringMatch", value: { matchPattern: { case: "exact", value: how } } },
  });
}
