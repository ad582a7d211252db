/** Each instance of a service, and why it may answer a caller's request or not. */
import type { ReportedBreaker } from "@legation/contract";
import type { DecidedBy, ExplainedEndpoint } from "@legation/contract/api";
import { type Endpoint, endpointOf, endpointsOf, type Omission } from "../catalog/endpoint.js";
import { byIdentity, type Instance, keyOf, metaOf } from "../catalog/instance.js";
import type { TrafficSettings } from "../policy/traffic/settings.js";
import type { RoutedRequest } from "../routing/request.js";
import { type Access, accessTo } from "./access.js";
import type { Balance } from "./balance.js";
import { addressText } from "./here.js";
import type { KnownHost } from "./hosts.js";
import type { ExplainedWorld } from "./world.js";

/** What the caller's proxy does with the hosts of a service. */
export interface Placement {
  readonly service: string;
  readonly subset: string | undefined;
  readonly hosts: readonly KnownHost[];
  /** Those of the subset, which are balanced. */
  readonly eligible: readonly KnownHost[];
  readonly balance: Balance;
  readonly settings: TrafficSettings;
  /** The request as instances see it; undefined for a connection of bytes. */
  readonly request: RoutedRequest | undefined;
}

/** An instance with what its own proxy would say. */
export interface PlacedAnswer {
  readonly endpoint: ExplainedEndpoint;
  readonly access: Access;
}

type Verdict = Pick<ExplainedEndpoint, "state" | "reason" | "decidedBy"> & { readonly until?: string };

/** All instances of the service, those with the largest share first. */
export function explainEndpoints(world: ExplainedWorld, at: Placement): readonly PlacedAnswer[] {
  const service = world.service(at.service) ?? { name: at.service, instances: [] };
  const endpoints = endpointsOf(service);
  const breakers = new Map(world.breakers(at.service).flatMap((one) => (one.address === undefined ? [] : [[one.address, one] as const])));
  const answers = [...service.instances].sort(byIdentity).map((instance) => {
    const place = at.eligible.findIndex((host) => host.instance === keyOf(instance));
    const host = at.eligible[place] ?? at.hosts.find((one) => one.instance === keyOf(instance));
    const share = at.balance.shares[place] ?? 0;
    const access: Access = share > 0 ? accessTo(world, instance, at.request) : { kind: "open" };
    const said = endpoints.get(instance) ?? endpointOf(instance);
    const verdict = verdictOf({ world, at, instance, host, place, share, access, said, breaker: breakers.get(host?.address ?? "") });
    const { region = "", zone = "" } = metaOf(instance);
    const endpoint: ExplainedEndpoint = {
      instance: keyOf(instance),
      address: host?.address ?? addressText(instance),
      in: share > 0 && access.kind === "open",
      share,
      ...verdict,
      ...{ region, zone },
      ...(host ? { priority: host.priority, weight: host.weight } : {}),
      checks: checksOf(world, instance),
    };
    return { endpoint, access };
  });
  return answers.sort((a, b) => b.endpoint.share - a.endpoint.share);
}

function verdictOf(o: {
  readonly world: ExplainedWorld;
  readonly at: Placement;
  readonly instance: Instance;
  readonly host: KnownHost | undefined;
  readonly place: number;
  readonly share: number;
  readonly access: Access;
  readonly said: Endpoint | Omission;
  readonly breaker: ReportedBreaker | undefined;
}): Verdict {
  const { at, host, said, share, access } = o;
  const catalog: DecidedBy = { source: "catalog" };
  if (!host) return absent(o);
  if (o.place < 0) {
    const has = host.subsets.length > 0 ? `it belongs to ${host.subsets.join(", ")}` : "it belongs to no subset";
    const document: DecidedBy = { source: "policy", document: `Service/${at.service}`, path: `subsets.${at.subset}` };
    return { state: "other-subset", reason: `not of subset ${at.subset}: ${has}`, decidedBy: [document] };
  }
  if (access.kind === "denied") return { state: "denied", reason: `denied by intention: ${access.reason}`, decidedBy: [access.decidedBy] };
  if (access.kind === "unreachable") return { state: "unreachable", reason: access.reason, decidedBy: [access.decidedBy] };
  const ejected = o.breaker?.state === "open" ? ejection(o.world, at, o.breaker) : undefined;
  const level = at.balance.levels[host.priority];
  const ill = ejected ?? (host.health === "unhealthy" ? { state: illState(host), reason: said.reason, decidedBy: [catalog] } : undefined);
  if (share > 0 && ill)
    return { ...ill, state: "panic", reason: `${ill.reason}; tried all the same, since too few of its service are well` };
  if (ill) return ill;
  if (share > 0) {
    const trial = o.breaker?.state === "half-open" ? `; half-open since ${o.breaker.since} (${o.breaker.cause})` : "";
    const note = access.kind === "open" && access.note ? `; ${access.note}` : "";
    const decided = access.kind === "open" && access.decidedBy ? [catalog, access.decidedBy] : [catalog];
    const poor = host.health === "degraded" ? "degraded: takes what others cannot; " : "";
    return { state: "serving", reason: `${poor}${said.reason}${trial}${note}`, decidedBy: decided };
  }
  return { state: "standby", reason: `${said.reason}, and ${standby(host, at, level?.load ?? 0)}`, decidedBy: [catalog] };
}

function illState({ status }: KnownHost): "draining" | "unhealthy" {
  return status === "DRAINING" ? "draining" : "unhealthy";
}

/** Why an instance that is well gets nothing. */
function standby(host: KnownHost, at: Placement, load: number): string {
  const better = at.eligible.some((one) => one.health === "healthy");
  if (host.health === "degraded" && better) return "degraded: asked only when those that are healthy do not suffice";
  if (load === 0) return `in region ${host.region || "-"}: asked only when nearer ones do not suffice`;
  return `in zone ${host.zone || "-"}: the caller's own zone takes all of its requests`;
}

function ejection(world: ExplainedWorld, at: Placement, { cause, since }: ReportedBreaker): Verdict {
  const until = new Date(Date.parse(since) + at.settings.circuitBreaker.recoveryTimeout).toISOString();
  const reason = `ejected by ${world.caller.instance} since ${since} for ${cause}, until ${until} at the earliest`;
  return { state: "ejected", reason, until, decidedBy: [{ source: "figures" }] };
}

/** Why the caller's proxy does not have it. */
function absent({
  world,
  at,
  instance,
  said,
}: {
  world: ExplainedWorld;
  at: Placement;
  instance: Instance;
  said: Endpoint | Omission;
}): Verdict {
  const catalog: DecidedBy[] = [{ source: "catalog" }];
  if (said.omitted) return { state: "omitted", reason: said.reason, decidedBy: catalog };
  const twin = at.hosts.find((host) => host.address === addressText(instance));
  if (twin) return { state: "omitted", reason: `${twin.instance} has the same address, and is served`, decidedBy: catalog };
  const { region = "" } = metaOf(instance);
  if (world.caller.region !== "" && !at.hosts.some((host) => host.region === region) && region !== world.caller.region) {
    const failover: DecidedBy = { source: "policy", document: `Service/${at.service}`, path: "locality.failover" };
    return {
      state: "other-region",
      reason: `in region ${region || "-"}, where callers of ${world.caller.region} do not go`,
      decidedBy: [failover],
    };
  }
  return { state: "omitted", reason: `${said.reason}, and the caller's proxy has not been given it yet`, decidedBy: catalog };
}

function checksOf(world: ExplainedWorld, instance: Instance): ExplainedEndpoint["checks"] {
  return instance.checks
    .filter(({ status }) => status !== "passing")
    .map(({ id, name, status, output }) => {
      const since = world.since(keyOf(instance), id);
      return { id, name, status, output: output.trim().slice(0, longestOutput), ...(since ? { since } : {}) };
    });
}

/** Characters of a check's output that are shown. */
const longestOutput = 500;
