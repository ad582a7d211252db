/** The order in which a caller in one region goes to others: Envoy's priorities. */
import { compareText } from "../../../catalog/instance.js";
import type { LocalityEndpoints } from "../../../catalog/placement.js";
import type { LocalitySettings } from "./locality.js";

/** The localities of an assignment, each with its priority, 0 first and none left out in between. */
export type Prioritized = readonly (LocalityEndpoints & { readonly priority: number })[];

/** The regions that have endpoints, sorted; the empty one for those that name none. */
export function regionsOf(localities: readonly LocalityEndpoints[]): readonly string[] {
  return [...new Set(localities.map(({ region }) => region))].sort(compareText);
}

/**
 * What a caller in a region is to have that differs from what all others have; undefined where nothing does. Its own region comes first, then
 * those that `failover` names, in its order; regions that a list does not name are left out.
 */
export function prioritized(
  localities: readonly LocalityEndpoints[],
  caller: string,
  { prefer, failover }: LocalitySettings,
): Prioritized | undefined {
  if (caller === "" || prefer === "none") return undefined;
  const present = regionsOf(localities);
  const others = failover === "all" ? [present.filter((region) => region !== caller)] : failover.map((region) => [region]);
  const order = [[caller], ...others].map((regions) => regions.filter((region) => present.includes(region)));
  const groups = order.filter((regions, i) => regions.length > 0 && (i === 0 || !regions.includes(caller)));
  if (groups.length < 2 && groups.flat().length === present.length) return undefined;
  return groups.flatMap((regions, priority) =>
    localities.filter(({ region }) => regions.includes(region)).map((locality) => ({ ...locality, priority })),
  );
}
