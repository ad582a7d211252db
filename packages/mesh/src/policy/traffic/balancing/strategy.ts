/** The ways in which an endpoint is chosen, and what each of them knows. */

/** How a caller's Envoy may choose among a service's endpoints. */
export const balancingStrategies = [
  "health_based",
  "least_connections",
  "round_robin",
  "weighted_round_robin",
  "random",
  "ring_hash",
  "maglev",
] as const;
/** One of `balancingStrategies`. */
export type BalancingStrategy = (typeof balancingStrategies)[number];

/** Those by which requests that are alike in `hashOn` go to one endpoint. */
export const hashStrategies: readonly BalancingStrategy[] = ["ring_hash", "maglev"];

/** Those that draw some endpoints and take the least busy one. */
export const drawingStrategies: readonly BalancingStrategy[] = ["health_based", "least_connections"];

/** Those for which Envoy has slow start. */
export const slowStartStrategies: readonly BalancingStrategy[] = [...drawingStrategies, "round_robin", "weighted_round_robin"];

/** Those that look at the endpoints' weights. To `round_robin` all are alike, and Envoy's `random` knows none. */
export const weighingStrategies: readonly BalancingStrategy[] = [...drawingStrategies, "weighted_round_robin", ...hashStrategies];
