/** What operators say of traffic, all together, and what of it holds for one service. */
import type { CatalogService } from "../../catalog/instance.js";
import { sameJson } from "../canonical.js";
import { documentKey } from "../document.js";
import type { PolicyDocument } from "../kinds.js";
import type { MeshDefaultsDocument } from "../mesh-defaults/mesh-defaults-document.js";
import type { PolicySet } from "../policy-set.js";
import type { IsDeclared } from "../route/destination.js";
import type { RouteDocument } from "../route/route-document.js";
import type { RouteRule } from "../route/rule.js";
import { rulesOf, subsettedServices, undeclaredSubsets } from "../route/rules.js";
import type { ServiceDocument } from "../service/service-document.js";
import { withWishes } from "../service/wishes.js";
import { defaultSettings, putOver, type TrafficSettings } from "./settings.js";
import type { Subsets } from "./subsets/subsets.js";

/** All policies of traffic that are in force. Immutable. */
export interface TrafficPolicies {
  /** What holds where nobody says anything. */
  readonly base: TrafficSettings;
  readonly mesh: MeshDefaultsDocument | undefined;
  /** By the service's name in Consul. */
  readonly services: ReadonlyMap<string, ServiceDocument>;
  /** By the name of the service that they are for, sorted by their own names. */
  readonly routes: ReadonlyMap<string, readonly RouteDocument[]>;
  /** The services of which routes ask for subsets. */
  readonly subsetted: ReadonlySet<string>;
}

/** The policies of traffic among all. */
export function trafficPolicies(policies: PolicySet, base: TrafficSettings = defaultSettings): TrafficPolicies {
  const routes = new Map<string, RouteDocument[]>();
  for (const route of policies.of("Route")) routes.set(route.service, [...(routes.get(route.service) ?? []), route]);
  const services = new Map(policies.of("Service").map((one) => [one.name, one]));
  return { base, mesh: policies.of("MeshDefaults")[0], services, routes, subsetted: new Set(subsettedServices(policies.of("Route"))) };
}

/** No policy at all. */
export const noTraffic: TrafficPolicies = {
  base: defaultSettings,
  mesh: undefined,
  services: new Map(),
  routes: new Map(),
  subsetted: new Set(),
};

/** What holds for one service. */
export interface ServiceTraffic {
  readonly settings: TrafficSettings;
  /** The documents that have a say in the settings, as `Kind/name`, the widest first. */
  readonly documents: readonly string[];
  /** What becomes of some of the requests to it, in the order in which they hold. */
  readonly rules: readonly RouteRule[];
  readonly subsets: Subsets;
  /** A subset is taken account of: there is one, or routes ask for one. */
  readonly subsetted: boolean;
  /** What is wrong with the service's own wishes, in words. */
  readonly problems: readonly string[];
}

/** Of each field, the word of the service's own policy, else that of the mesh, else the service's own wish, else the default. */
export function trafficTo(service: CatalogService, { base, mesh, services, routes, subsetted }: TrafficPolicies): ServiceTraffic {
  const wished = withWishes(service.instances, base);
  const documents = [mesh, services.get(service.name)].filter((document) => document !== undefined);
  const settings = documents.reduce<TrafficSettings>((below, document) => putOver(document, below), wished.settings);
  const subsets = services.get(service.name)?.subsets ?? {};
  const rules = rulesOf(routes.get(service.name) ?? [], settings, declares(services));
  return {
    settings,
    documents: documents.map(documentKey),
    rules,
    subsets,
    subsetted: Object.keys(subsets).length > 0 || subsetted.has(service.name),
    problems: wished.problems,
  };
}

/** The services that a change of policies touches: all, or these. */
export function trafficChanges(before: TrafficPolicies, after: TrafficPolicies): "all" | ReadonlySet<string> {
  if (before.base !== after.base || differ(before.mesh, after.mesh)) return "all";
  const names = [before, after].flatMap(({ services, routes, subsetted }) => [...services.keys(), ...routes.keys(), ...subsetted]);
  return new Set(
    names.filter(
      (name) =>
        differ(before.services.get(name), after.services.get(name)) ||
        before.subsetted.has(name) !== after.subsetted.has(name) ||
        routesDiffer(name, before, after),
    ),
  );
}

/** Also by what other services' policies say of the subsets that the routes lead to. */
function routesDiffer(name: string, before: TrafficPolicies, after: TrafficPolicies): boolean {
  const [a, b] = [before.routes.get(name) ?? [], after.routes.get(name) ?? []];
  if (a.length !== b.length || a.some((route, i) => differ(route, b[i]))) return true;
  const lost = ({ services }: TrafficPolicies) => undeclaredSubsets(b, declares(services)).join();
  return b.length > 0 && lost(before) !== lost(after);
}

function declares(services: TrafficPolicies["services"]): IsDeclared {
  return (service, subset) => Object.hasOwn(services.get(service)?.subsets ?? {}, subset);
}

function differ(a: PolicyDocument | undefined, b: PolicyDocument | undefined): boolean {
  return a === undefined || b === undefined ? a !== b : !sameJson(a, b);
}
