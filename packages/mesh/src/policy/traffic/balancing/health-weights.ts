/**
 * `health_based`: how much of its weight each instance keeps, by how it answers beside the others of its service (DESIGN §5).
 *
 * Instances are compared with each other alone: where all are slow, or all fail, each keeps its weight. The measure is the lower median of
 * those that serve, so that at least half of the instances keep all of it, whatever one of them does.
 */
import type { ReportedLoad } from "@legation/contract";
import { endpointsOf, isServing } from "../../../catalog/endpoint.js";
import { type CatalogService, keyOf } from "../../../catalog/instance.js";
import type { LocalityEndpoints } from "../../../catalog/placement.js";

/** All of its weight, as every share is counted: per mille. */
export const fullShare = 1_000;

/**
 * The shares that there are. The last is what remains of the worst instance, so that it is asked now and then, and its recovery seen; of ten
 * instances one then gets 0.06 % of the requests.
 */
export const shareLadder = [fullShare, 500, 200, 100, 50, 20, 10, 5] as const;

/** Rungs down by how many latency classes an instance is slower: up to three times as slow is no difference, eleven times is the last. */
const latencyRungs = [0, 0, 0, 0, 3, 5, 6, 7] as const;
/** Rungs down by how many error classes an instance fails more. */
const errorRungs = [0, 1, 2, 4, 6] as const;

/**
 * The shares of those instances, by key, that do not keep all of their weight. The same for the same figures, in whatever order the instances
 * come. An instance without figures keeps all of it; one that has too few requests to be believed climbs a rung for each `idle`.
 */
export function healthShares(service: CatalogService, loadOf: (instance: string) => ReportedLoad | undefined): ReadonlyMap<string, number> {
  const endpoints = endpointsOf(service);
  const measured = service.instances.flatMap((instance) => {
    const load = loadOf(keyOf(instance));
    const endpoint = endpoints.get(instance);
    return load ? [{ key: keyOf(instance), load, serves: endpoint !== undefined && isServing(endpoint) }] : [];
  });
  const serving = measured.filter(({ serves }) => serves).map(({ load }) => load);
  const errors = lowerMedian(serving.map((load) => load.errors));
  // An instance that only fails does so quickly: its time is no measure for others.
  const latency = lowerMedian(serving.filter((load) => load.errors <= errors).map((load) => load.latency));
  const shares = new Map<string, number>();
  for (const { key, load } of measured) {
    const rung = Math.max(rungOf(latencyRungs, load.latency - latency), rungOf(errorRungs, load.errors - errors));
    const share = shareLadder[Math.max(0, rung - load.idle)] ?? fullShare;
    if (share < fullShare) shares.set(key, share);
  }
  return shares;
}

function rungOf(rungs: readonly number[], classes: number): number {
  return rungs[Math.min(Math.max(0, classes), rungs.length - 1)] ?? 0;
}

function lowerMedian(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? Number.POSITIVE_INFINITY;
}

/** The largest sum of weights that Envoy takes for one locality. */
const largestSum = 0xffff_ffff;

/**
 * The endpoints with the weights that their shares leave them. As long as all keep theirs, these are Consul's own; else all are multiplied, so
 * that a share is a whole number.
 */
export function weighByShare(localities: readonly LocalityEndpoints[]): readonly LocalityEndpoints[] {
  const all = localities.flatMap(({ endpoints }) => endpoints);
  if (all.every(({ instance }) => (instance.share ?? fullShare) >= fullShare)) return localities;
  const sum = all.reduce((total, { endpoint }) => total + endpoint.weight, 0);
  // A share that rounding made 1 counts at most as one more each.
  const unit = Math.min(1, (largestSum - all.length) / (sum * fullShare));
  return localities.map((locality) => ({
    ...locality,
    endpoints: locality.endpoints.map((placed) => {
      const weight = Math.max(1, Math.floor(placed.endpoint.weight * (placed.instance.share ?? fullShare) * unit));
      return { ...placed, endpoint: { ...placed.endpoint, weight } };
    }),
  }));
}
