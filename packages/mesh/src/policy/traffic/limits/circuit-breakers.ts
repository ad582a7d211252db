/** Limits of a caller towards one service, and the retry budget. */
import { create } from "@bufbuild/protobuf";
import { type CircuitBreakers, CircuitBreakersSchema } from "@legation/envoy-api/envoy/config/cluster/v3/circuit_breaker";
import type { TrafficSettings } from "../settings.js";

const unlimited = 0xffff_ffff;

/** The limits, with the retry budget, or a number of retries, in the place of Envoy's three retries at once. */
export function circuitBreakers(defaults: TrafficSettings): CircuitBreakers {
  const { limits, retries } = defaults;
  return create(CircuitBreakersSchema, {
    thresholds: [
      {
        maxConnections: limits.connections,
        maxPendingRequests: limits.pendingRequests,
        maxRequests: limits.requests,
        ...(limits.connectionPools === undefined ? {} : { maxConnectionPools: limits.connectionPools }),
        ...retryLimit(retries),
      },
    ],
    perHostThresholds: limits.connectionsPerInstance === undefined ? [] : [{ maxConnections: limits.connectionsPerInstance }],
  });
}

function retryLimit({ budgetPercent, minConcurrency, maxConcurrency }: TrafficSettings["retries"]) {
  if (maxConcurrency !== undefined) return { maxRetries: maxConcurrency };
  return { retryBudget: { budgetPercent: { value: budgetPercent }, minRetryConcurrency: minConcurrency } };
}

/** No limit but one: nothing is ever retried, whatever a request's headers wish. For the way from Envoy to its own application. */
export function passThrough(): CircuitBreakers {
  return create(CircuitBreakersSchema, {
    thresholds: [{ maxConnections: unlimited, maxPendingRequests: unlimited, maxRequests: unlimited, maxRetries: 0 }],
  });
}
