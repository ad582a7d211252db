/** What in the mesh can be the cause of a response flag now. */
import type { ReportedBreaker } from "@legation/contract";
import { addressOf, isIp } from "../catalog/address.js";
import { endpointsOf, isServing } from "../catalog/endpoint.js";
import { byIdentity, type CatalogService, type Instance, keyOf } from "../catalog/instance.js";
import { subsetsOf, subsetWords } from "../policy/traffic/subsets/subsets.js";
import { type TrafficPolicies, trafficTo } from "../policy/traffic/traffic-policies.js";
import { deciderOf } from "./settings.js";

/** What is looked at. */
export interface FlagScope {
  /** The services that may be meant, and that the asker may read. */
  readonly services: readonly CatalogService[];
  readonly traffic: TrafficPolicies;
  /** By caller, breakers towards a service that are not closed. */
  breakers(service: string): ReadonlyMap<string, readonly ReportedBreaker[]>;
  since(instance: string, check: string): string | undefined;
}

/** Sentences for one flag, at most. */
const mostSaid = 10;

/** What is so, in sentences; none where nothing here can be its cause. */
export function causesHere(flag: string, scope: FlagScope): readonly string[] {
  const all = causes[flag]?.(scope) ?? [];
  return all.length > mostSaid ? [...all.slice(0, mostSaid), `and ${all.length - mostSaid} more`] : all;
}

/** How an instance stands, with its failing checks and who has ejected it. */
export function standingOf(scope: FlagScope, service: CatalogService, instance: Instance, endpoints = endpointsOf(service)): string {
  const endpoint = endpoints.get(instance);
  const state = !endpoint || endpoint.omitted ? "in no proxy" : endpoint.health.toLowerCase();
  const words = instance.checks
    .filter(({ status }) => status !== "passing")
    .map(({ id, status, output }) => {
      const since = scope.since(keyOf(instance), id);
      return `check ${id} is ${status}${since ? ` since ${since}` : ""}: ${output.trim().slice(0, 300) || "without a word"}`;
    });
  const ejected = [...scope.breakers(service.name)].flatMap(([caller, said]) =>
    said.flatMap(({ address, state: standing, since, cause }) =>
      address === addressText(instance) ? [`${standing} at ${caller} since ${since} for ${cause}`] : [],
    ),
  );
  return [
    `${keyOf(instance)} of ${service.name} (${addressText(instance)}) is ${state}: ${endpoint?.reason ?? "unknown"}`,
    ...words,
    ...ejected,
  ].join("; ");
}

type Finder = (scope: FlagScope) => readonly string[];

const failing: Finder = (scope) =>
  scope.services.flatMap((service) => {
    const endpoints = endpointsOf(service);
    const touched = new Set([...scope.breakers(service.name).values()].flat().map(({ address }) => address));
    return [...service.instances]
      .sort(byIdentity)
      .filter((instance) => {
        const endpoint = endpoints.get(instance);
        return (
          !endpoint ||
          !isServing(endpoint) ||
          touched.has(addressText(instance)) ||
          instance.checks.some(({ status }) => status === "critical")
        );
      })
      .map((instance) => standingOf(scope, service, instance, endpoints));
  });

const unserved: Finder = (scope) =>
  scope.services.flatMap((service) => {
    const endpoints = [...endpointsOf(service).values()];
    if (service.instances.length === 0) return [`${service.name} is not registered`];
    if (!endpoints.some(isServing))
      return [`none of the ${service.instances.length} instances of ${service.name} serves`, ...failing({ ...scope, services: [service] })];
    return emptySubsets(scope, service);
  });

function emptySubsets(scope: FlagScope, service: CatalogService): readonly string[] {
  const { rules, subsets } = trafficTo(service, scope.traffic);
  const wanted = rules.flatMap((rule) => (rule.action.kind === "forward" ? rule.action.to.map((to) => ({ rule: rule.name, to })) : []));
  const filled = new Set(service.instances.flatMap((instance) => subsetsOf(instance, subsets)));
  return wanted.flatMap(({ rule, to }) => {
    if (to.subset === undefined) return [];
    if (!to.declared) return [`${rule} sends requests to subset ${to.subset} of ${to.service}, which Service/${to.service} does not have`];
    if (to.service !== service.name) return [];
    if (filled.has(to.subset)) return [];
    const words = subsetWords(subsets[to.subset] ?? {});
    return [`${rule} sends requests to subset ${to.subset} of ${to.service}, to which no instance belongs (${words})`];
  });
}

const limits: Finder = (scope) =>
  scope.services.flatMap(({ name }) =>
    [...scope.breakers(name)].flatMap(([caller, said]) =>
      said.flatMap(({ address, cause, since, state }) =>
        address === undefined && state === "open" ? [`${caller} exceeds ${cause} towards ${name} since ${since}`] : [],
      ),
    ),
  );

const faults: Finder = ({ services, traffic }) =>
  services.flatMap((service) =>
    trafficTo(service, traffic).rules.flatMap(({ document, index, fault }) =>
      fault ? [`${document} rules[${index}].fault puts faults into requests to ${service.name}`] : [],
    ),
  );

const timeWords = {
  request: (service: string, time: string) => `requests to ${service} may take ${time}`,
  stream: (service: string, time: string) => `requests and streams to ${service} may last ${time}`,
  idle: (service: string, time: string) => `requests to ${service} in which nobody sends anything for ${time} are ended`,
} as const;

const timeouts =
  (field: "request" | "stream" | "idle"): Finder =>
  ({ services, traffic }) =>
    services.flatMap((service) => {
      const ms = trafficTo(service, traffic).settings.timeouts[field];
      const { document, path } = deciderOf(traffic, service, undefined, `timeouts.${field}`);
      const rules = trafficTo(service, traffic).rules.filter(({ settings }) => settings.timeouts[field] !== ms);
      const own =
        ms > 0
          ? [`${timeWords[field](service.name, `${ms} ms`)} (${document ? `${document} ${path}` : `the default of timeouts.${field}`})`]
          : [];
      return [...own, ...rules.map(({ document: rule, index, settings }) => `${rule} rules[${index}]: ${settings.timeouts[field]} ms`)];
    });

const names: Finder = ({ services }) =>
  services.flatMap(({ name, instances }) =>
    instances
      .filter((one) => !isIp(addressOf(one).host))
      .map((one) => `${keyOf(one)} of ${name} is registered at the host name ${addressOf(one).host}`),
  );

const causes: Readonly<Record<string, Finder>> = {
  UH: unserved,
  UF: failing,
  URX: failing,
  UC: failing,
  UR: failing,
  UO: limits,
  DI: faults,
  FI: faults,
  UT: timeouts("request"),
  UMSDR: timeouts("stream"),
  DT: timeouts("stream"),
  SI: timeouts("idle"),
  DF: names,
};

/** `host:port` where callers reach it. */
export function addressText(instance: Instance): string {
  const { host, port } = addressOf(instance);
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
