/** The middle of the process: what the sources say goes in, layers of resources for the proxies come out, one service at a time. */
import { instanceKey, type NodeMetadata, type RoutingNotice } from "@legation/contract";
import {
  type CatalogService,
  endpointsOf,
  type IdentityPolicies,
  identityOf,
  isServing,
  type KnownIntentions,
  keyOf,
  type MeshResource,
  noTraffic,
  type Problem,
  type ServiceIdentityPolicy,
  type TrafficPolicies,
  type TrafficSettings,
  type Trust,
  takesMutualTls,
  trafficChanges,
  trafficTo,
} from "@legation/mesh";
import type { Clock, Logger } from "@legation/runtime";
import type { ResourceCache } from "@legation/xds";
import { createLeavingNotices, type LeavingEvidence } from "../channel/leaving.js";
import type { Teller } from "../events/events.js";
import type { Shares } from "../figures/shares.js";
import type { LedgerTap } from "../ledger/ledger.js";
import type { Metrics } from "../telemetry/metrics.js";
import { createAuthorizationRules } from "./authorization-rules.js";
import { createBurst } from "./burst.js";
import { createMeshIdentity } from "./mesh-identity.js";
import { createOwners } from "./owners.js";
import { assignmentsOf, createCompiledServices } from "./services.js";
import { createNodeViews, type NodeClaim, type NodePlace } from "./views.js";

/** The state of the mesh at this replica. */
export interface Reconciler {
  /** A service as its source sees it now. Published in this tick, or with the burst that runs. */
  set(service: CatalogService): void;
  /** A service that its source does not have any more. */
  remove(name: string): void;
  /** Begins at once to publish what waits. */
  flush(): void;
  /** Marks an instance as leaving, and publishes that at once. False when the registry does not have it. */
  leave(notice: RoutingNotice): boolean;
  /** The instance takes requests, by what is known now. */
  serves(instance: Pick<RoutingNotice, "service" | "node" | "id">): boolean;
  /** Takes back what `leave` marked, and publishes that at once. */
  arrive(notice: RoutingNotice): void;
  /** What the callers of an instance's service are given now, by version, and whether the instance takes requests in it. */
  routed(notice: RoutingNotice): {
    readonly serving: boolean;
    readonly endpoints: string | undefined;
    /** Those of callers in regions that have an order of their own: such a caller has one of them, or `endpoints`. */
    readonly regional: readonly string[];
    /** Callers with and without a certificate have clusters of their own, and so have gRPC applications without an Envoy. */
    readonly clusters: readonly string[];
    /** That of callers with a certificate; undefined as long as nobody knows whose certificates count. */
    readonly mutual: string | undefined;
    /** Callers with a certificate are given the instance with TLS. */
    readonly takesTls: boolean;
  };
  /** Compiles what the node of an instance (`instanceKey`) needs and claims it until `release`. */
  claim(node: NodeMetadata, place: NodePlace, instance: string): NodeClaim;
  /** The policies that hold from now on; of traffic none unless given. Compiled for exactly those services that they change. */
  setPolicies(identity: IdentityPolicies, traffic?: TrafficPolicies): void;
  /** Whose certificates count from now on. */
  setTrust(trust: Trust | undefined): void;
  trust(): Trust | undefined;
  /** Which callers with a certificate may call whom from now on. Compiled for exactly those services that it changes. */
  setIntentions(intentions: KnownIntentions): void;
  /** Undefined until `setIntentions` was called. */
  intentions(): KnownIntentions | undefined;
  /** What holds for a service now. Undefined until `setPolicies` was called: what is not known is not `off`. */
  identity(service: string): ServiceIdentityPolicy | undefined;
  /** The policies of traffic in force. */
  traffic(): TrafficPolicies;
  /** How a service is called now. */
  settings(service: string): TrafficSettings;
  /** True once policies and trust were set, if to none: until then nothing may be compiled for a proxy that has a certificate. */
  identityKnown(): boolean;
  /** The shares of instances of these services are others now. */
  reweigh(names: Iterable<string>): void;
  /** How many services wait to be compiled and published. */
  pending(): number;
  /** All services by name, with leaving instances marked. */
  services(): readonly CatalogService[];
  service(name: string): CatalogService | undefined;
  /** The service of an instance by its key; undefined for one that the registry does not have. */
  serviceOf(instance: string): string | undefined;
  problems(name: string): readonly Problem[];
  /** Figures for metrics and health. */
  size(): { readonly services: number; readonly instances: number; readonly layers: number; readonly leaving: number };
  /** Ends all timers. */
  stop(): void;
}

/** Compiling goes on for this long before other work has its turn; milliseconds. */
const slice = 20;

/** What the reconciler works with. */
export interface ReconcilerOptions {
  readonly cache: ResourceCache;
  readonly events: Teller;
  /** Told why services are compiled, and when they were. */
  readonly ledger?: LedgerTap;
  readonly metrics: Pick<Metrics, "compiled" | "published">;
  /** For and against an instance that said it leaves. */
  readonly leaving: LeavingEvidence;
  readonly clock: Clock;
  readonly log: Logger;
  /** What is left of the weight of instances, and who is told that a service's instances are others, or stand otherwise. */
  readonly shares?: () => Pick<Shares, "of" | "touched">;
  /** Called when `identityKnown` has become true. */
  readonly identified?: () => void;
  /** The registry at the start: compiled where nodes need it. Empty unless given. */
  readonly services?: readonly CatalogService[];
  /** In place of the policies in force, by which a proxy that starts now would be given these of its own; they hold where it is undefined. */
  readonly startingBy?: (service: string, own: () => readonly MeshResource[]) => TrafficPolicies | undefined;
  /** Called in the tick in which something else holds: for these services, or whose certificates count and who may call whom. */
  readonly changed?: (services: readonly string[] | "identity") => void;
  /** Called when everything that is known has been compiled and published. */
  readonly caughtUp?: () => void;
  /** Called after each `setPolicies`. */
  readonly policiesChanged?: () => void;
}

/** Makes a reconciler. */
export function createReconciler(o: ReconcilerOptions): Reconciler {
  let traffic = noTraffic;
  const registry = new Map((o.services ?? []).map((known) => [known.name, known]));
  const owners = createOwners();
  const dirty = new Set<string>();
  const notices = createLeavingNotices(o.clock, o.leaving, (service, instance) => {
    o.log.warn(
      { event: "leaving.expired", service, instance },
      `${instance} said it leaves, and goes on as if it had not: serving it again`,
    );
    const text = `${instance} said it leaves, and goes on as if it had not`;
    o.events.tell({ type: "instance.leaving-expired", severity: "warning", service, instance, text, details: {} });
    touch(service);
  });
  const service = (name: string) => {
    const said = registry.get(name);
    return said && withShares(notices.apply(said));
  };
  const withShares = (service: CatalogService): CatalogService => {
    const shares = o.shares?.().of(service);
    if (!shares || shares.size === 0) return service;
    const instances = service.instances.map((instance) => {
      const share = shares.get(keyOf(instance));
      return share === undefined ? instance : { ...instance, share };
    });
    return { ...service, instances };
  };
  const identity = createMeshIdentity(service);
  const shared = { ...o, traffic: () => traffic, catalog: service };
  const rules = createAuthorizationRules({
    cache: o.cache,
    policy: (name) => identityOf(identity.policies(), name),
    trust: identity.trust,
  });
  const compiled = createCompiledServices({ ...shared, identity: identity.callee });
  const views = createNodeViews({ ...shared, identity, rules, services: compiled });
  const known = () => new Set([...compiled.names(), ...views.services()]);
  const burst = createBurst(o.clock, publish);
  let rest: { cancel(): void } | undefined;

  function touch(name: string): void {
    o.shares?.().touched(name);
    o.ledger?.touched(name);
    awaitPublication(name);
  }

  function awaitPublication(name: string): void {
    dirty.add(name);
    burst.request();
  }

  function learn(set: () => Iterable<string>): void {
    const before = identity.known();
    for (const name of set()) touch(name);
    if (before || !identity.known()) return;
    burst.flush();
    o.identified?.();
  }

  /** What a proxy uses goes first. */
  function* due(): Generator<string> {
    const end = o.clock.monotonic() + slice;
    for (const isUrgent of [compiled.isClaimed, () => true]) {
      for (const name of dirty) {
        if (!isUrgent(name)) continue;
        dirty.delete(name);
        yield name;
        if (o.clock.monotonic() >= end) return;
      }
    }
  }

  function publish(names: Iterable<string> = due()): void {
    o.ledger?.publishing();
    const { taken, reshaped } = compiled.compile(names);
    if (reshaped.size > 0) views.reshaped(reshaped);
    rules.compile(taken);
    views.registered(taken);
    o.ledger?.published(taken);
    o.metrics.published(taken.length);
    o.changed?.(taken);
    if (dirty.size > 0) rest ??= o.clock.timeout(0, publishRest);
    else o.caughtUp?.();
  }

  function publishRest(): void {
    rest = undefined;
    publish();
  }

  function serves({ service: name, node, id }: Pick<RoutingNotice, "service" | "node" | "id">): boolean {
    const known = service(name);
    const found = known?.instances.find((instance) => instance.node === node && instance.id === id);
    const endpoint = known && found && endpointsOf(known).get(found);
    return endpoint !== undefined && isServing(endpoint);
  }

  return {
    set(next) {
      owners.set(registry.get(next.name), next);
      registry.set(next.name, next);
      touch(next.name);
    },
    remove(name) {
      owners.set(registry.get(name), undefined);
      if (!registry.delete(name)) return;
      notices.apply({ name, instances: [] });
      touch(name);
    },
    flush: () => burst.flush(),
    leave(notice) {
      const { node, id } = notice;
      const known = registry.get(notice.service)?.instances.some((instance) => instance.node === node && instance.id === id);
      if (!known) return false;
      const isOut = notice.again === true && !serves(notice);
      const fresh = notices.add(notice);
      if (isOut) {
        // Held already, or else forgotten here: an overtaken one goes at once.
        if (fresh) publish([notice.service]);
        return true;
      }
      o.log.info({ event: "instance.leaving", ...notice }, `${instanceKey(node, id)} leaves`);
      o.shares?.().touched(notice.service);
      const instance = instanceKey(node, id);
      o.events.tell({ type: "instance.draining", service: notice.service, instance, text: `${instance} leaves`, details: {} });
      publish([notice.service]);
      return true;
    },
    arrive(notice) {
      if (!notices.withdraw(notice)) return;
      o.shares?.().touched(notice.service);
      const instance = instanceKey(notice.node, notice.id);
      o.events.tell({ type: "instance.returned", service: notice.service, instance, text: `${instance} serves again`, details: {} });
      publish([notice.service]);
    },
    serves,
    routed({ service: name, node, id }) {
      if (dirty.delete(name)) publish([name]);
      const found = service(name)?.instances.find((instance) => instance.node === node && instance.id === id);
      const current = compiled.get(name);
      const mutual = current?.mutualCluster?.version;
      return {
        serving: serves({ service: name, node, id }),
        endpoints: current?.endpoints.version,
        regional: current ? assignmentsOf(current).slice(1) : [],
        clusters: [current?.cluster.version, mutual, current?.grpcCluster.version].filter((version) => version !== undefined),
        mutual,
        takesTls: found !== undefined && takesMutualTls(found) && mutual !== undefined,
      };
    },
    claim: (node, place, instance) => views.claim(node, place, instance),
    setPolicies(nextIdentity, nextTraffic = noTraffic) {
      const changed = trafficChanges(traffic, nextTraffic);
      traffic = nextTraffic;
      learn(() => new Set([...(changed === "all" ? known() : changed), ...identity.setPolicies(nextIdentity, known)]));
      o.policiesChanged?.();
    },
    setTrust(trust) {
      learn(() => identity.setTrust(trust, known));
      o.changed?.("identity");
    },
    trust: () => identity.trust(),
    setIntentions(intentions) {
      for (const name of rules.set(intentions)) touch(name);
      o.changed?.("identity");
    },
    intentions: () => rules.known(),
    identity: (name) => (identity.policiesKnown() ? identityOf(identity.policies(), name) : undefined),
    traffic: () => traffic,
    settings: (name) => trafficTo(service(name) ?? { name, instances: [] }, traffic).settings,
    identityKnown: identity.known,
    reweigh(names) {
      for (const name of names) awaitPublication(name);
    },
    pending: () => dirty.size,
    services: () => [...registry.keys()].sort().flatMap((name) => service(name) ?? []),
    service,
    serviceOf: owners.of,
    problems: (name) => [...compiled.problems(name), ...rules.problems(name)],
    size() {
      let instances = 0;
      for (const service of registry.values()) instances += service.instances.length;
      return { services: registry.size, instances, layers: views.size, leaving: notices.size };
    },
    stop() {
      burst.stop();
      rest?.cancel();
      notices.stop();
      views.stop();
    },
  };
}
