/** Everything that is odd about policies, taken together and, where it is known, with the registry. */
import type { CatalogService } from "../../catalog/instance.js";
import type { PolicySet } from "../policy-set.js";
import { trafficPolicies } from "../traffic/traffic-policies.js";
import { destinationOf, meshDestination, ruleDestinations } from "./destination.js";
import type { Finding } from "./finding.js";
import { callsOf, stormFindings, timeoutFindings } from "./graph.js";
import { referenceFindings, subsetFindings } from "./references.js";
import { settingsFindings } from "./settings.js";

/** What is odd about `policies`; with the `registry` also along the calls between services, and about names that lead nowhere. Sorted. */
export function lint(policies: PolicySet, registry?: readonly CatalogService[]): readonly Finding[] {
  const traffic = trafficPolicies(policies);
  const services = new Map((registry ?? []).map((service) => [service.name, service]));
  for (const name of [...traffic.services.keys(), ...traffic.routes.keys()])
    if (!services.has(name)) services.set(name, { name, instances: [] });
  const destinations = new Map(
    [...services].map(([name, service]) => [name, [destinationOf(service, traffic), ...ruleDestinations(service, traffic)]]),
  );
  const mesh = meshDestination(traffic);
  const calls = callsOf(services.values());
  const all = [
    ...[...destinations.values(), mesh ? [mesh] : []].flat().flatMap(settingsFindings),
    ...stormFindings(calls, mesh && services.size === 0 ? new Map([["any service", [mesh]]]) : destinations),
    ...timeoutFindings(calls, destinations),
    ...subsetFindings(policies),
    ...(registry ? referenceFindings(policies, services) : []),
  ];
  const each = new Map(all.map((found) => [keyOfFinding(found), found]));
  return [...each].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, found]) => found);
}

/** What a change brings: of all that is odd afterwards, what concerns the documents that it sets, and what was not so before. */
export function lintChange(
  before: PolicySet,
  after: PolicySet,
  set: ReadonlySet<string>,
  registry?: readonly CatalogService[],
): readonly Finding[] {
  const old = new Set(lint(before, registry).map((found) => `${keyOfFinding(found)} ${found.message}`));
  return lint(after, registry).filter((found) => set.has(found.document) || !old.has(`${keyOfFinding(found)} ${found.message}`));
}

function keyOfFinding({ document, path, code }: Finding): string {
  return `${document} ${path} ${code}`;
}
