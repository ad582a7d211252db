/** Everything that is odd about policies, taken together and, where it is known, with the registry. */
import type { CatalogService } from "../../catalog/instance.js";
import type { PolicySet } from "../policy-set.js";
import { trafficPolicies } from "../traffic/traffic-policies.js";
import { type Destination, destinationsOf, meshDestination } from "./destination.js";
import type { Finding } from "./finding.js";
import { type Calls, callsOf, stormFindings, timeoutFindings } from "./graph.js";
import { referenceFindings, subsetFindings } from "./references.js";
import { settingsFindings } from "./settings.js";

/** What is odd about `policies`; with the `registry` also along the calls between services, and about names that lead nowhere. Sorted. */
export function lint(policies: PolicySet, registry?: readonly CatalogService[]): readonly Finding[] {
  return find(policies, registry, callsOf(registry ?? []));
}

/** What a change brings: of all that is odd afterwards, what concerns the documents that it sets, and what was not so before. */
export function lintChange(
  before: PolicySet,
  after: PolicySet,
  set: ReadonlySet<string>,
  registry?: readonly CatalogService[],
): readonly Finding[] {
  const calls = callsOf(registry ?? []);
  const old = new Set(find(before, registry, calls).map((found) => `${keyOfFinding(found)} ${found.message}`));
  return find(after, registry, calls).filter((found) => set.has(found.document) || !old.has(`${keyOfFinding(found)} ${found.message}`));
}

function find(policies: PolicySet, registry: readonly CatalogService[] | undefined, calls: Calls): readonly Finding[] {
  const traffic = trafficPolicies(policies);
  const mesh = meshDestination(traffic);
  const own = new Map([...traffic.services.keys(), ...traffic.routes.keys()].map((name) => [name, destinationsOf(name, traffic)]));
  const destinations = new Map<string, readonly Destination[]>((registry ?? []).map(({ name }) => [name, [mesh]]));
  for (const [name, all] of own) destinations.set(name, all);
  const all = [
    ...[mesh, ...[...own.values()].flat()].flatMap(settingsFindings),
    ...stormFindings(calls, destinations.size === 0 ? new Map([["any service", [mesh]]]) : destinations),
    ...timeoutFindings(calls, destinations),
    ...subsetFindings(policies),
    ...(registry ? referenceFindings(policies, new Map(registry.map((service) => [service.name, service]))) : []),
  ];
  const each = new Map(all.map((found) => [keyOfFinding(found), found]));
  return [...each].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, found]) => found);
}

function keyOfFinding({ document, path, code }: Finding): string {
  return `${document} ${path} ${code}`;
}
