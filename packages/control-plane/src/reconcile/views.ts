/** What each node gets: layers compiled when the first node needs them, shared by all that agree, dropped when the last is gone. */
import type { NodeMetadata } from "@legation/contract";
import {
  type CatalogService,
  compileInstance,
  compileView,
  endpointsLayer,
  hasIdentity,
  layersOf,
  type MeshResource,
  type NodeIdentity,
  type Problem,
  regionalLayer,
  type ServiceTraffic,
  type TrafficPolicies,
  trafficTo,
} from "@legation/mesh";
import type { Clock, Logger } from "@legation/runtime";
import type { NodeView, ResourceCache } from "@legation/xds";
import type { Metrics } from "../telemetry/metrics.js";
import { type AuthorizationRules, authorizationLayer } from "./authorization-rules.js";
import type { MeshIdentity } from "./mesh-identity.js";
import type { CompiledServices } from "./services.js";

/** Layers that no node uses are kept this long, for proxies that come back; milliseconds. */
export const layerLinger = 60_000;

/** Where a node is, as `node.locality` says. */
export interface NodePlace {
  readonly region: string;
  readonly zone: string;
}

/** A node's claim on its layers. */
export interface NodeClaim {
  readonly view: NodeView;
  /** The services whose clusters the node gets. */
  readonly clusters: readonly string[];
  readonly problems: readonly Problem[];
  /** Gives the layers back. */
  release(): void;
}

/** The compiled layers. */
export interface NodeViews {
  /** Compiles what is missing of the layers of a node, which is the Envoy of an instance (`instanceKey`), and claims them. */
  claim(node: NodeMetadata, place: NodePlace, instance: string): NodeClaim;
  /** Compiles anew the layers of those that call these services; a layer that cannot be compiled stays as it is. */
  reshaped(names: ReadonlySet<string>): void;
  /** Compiles anew the instances of these services for which something else holds now: policy, trust, rules, or their own registration. */
  registered(names: Iterable<string>): void;
  /** The services that have instances here. */
  services(): Iterable<string>;
  /** Layers that exist now. */
  readonly size: number;
  /** Ends all timers. */
  stop(): void;
}

interface Layer {
  readonly name: string;
  /** The `instanceKey` of the node, where the layer is one instance's own. */
  readonly instance?: string;
  /** What an instance layer was compiled from, as text. */
  basis?: string;
  /** One of the nodes that agree in this layer. */
  readonly node: NodeMetadata;
  /** That of all nodes with this layer, where they share one. */
  readonly region?: string;
  /** The services it acquired: dependencies, and where rules send requests to them. None for an instance layer. */
  clusters: readonly string[];
  problems: readonly Problem[];
  users: number;
  linger?: { cancel(): void };
}

/** What an instance layer is compiled from, beside its node's own description. */
interface Ground {
  readonly identity: NodeIdentity;
  readonly traffic: ServiceTraffic;
  /** Differs when anything of the above does. */
  readonly basis: string;
}

/** Makes an empty collection. */
export function createNodeViews(o: {
  readonly catalog: (name: string) => CatalogService | undefined;
  readonly services: CompiledServices;
  readonly cache: ResourceCache;
  readonly identity: MeshIdentity;
  readonly rules: Pick<AuthorizationRules, "acquire" | "release" | "admission">;
  readonly traffic: () => TrafficPolicies;
  /** In place of `traffic` for a new instance layer; `traffic` where it is undefined. */
  readonly startingBy?: (service: string, own: () => readonly MeshResource[]) => TrafficPolicies | undefined;
  readonly metrics: Pick<Metrics, "compiled">;
  readonly clock: Clock;
  readonly log: Logger;
}): NodeViews {
  const layers = new Map<string, Layer>();
  const callers = new Map<string, Set<Layer>>();

  /** By service, those with a node of it. */
  const own = new Map<string, Set<Layer>>();

  function timed<T>(compile: () => T): T {
    const start = o.clock.monotonic();
    const compiled = compile();
    o.metrics.compiled("node", (o.clock.monotonic() - start) / 1_000);
    return compiled;
  }

  function compileCaller(node: NodeMetadata): ReturnType<typeof compileView> {
    return timed(() => compileView(node, o.services.callee));
  }

  /** A node with a certificate gets the clusters that use it, and a gRPC application those that its client understands. */
  function fillView(layer: Layer, view: readonly MeshResource[]): void {
    const identified = hasIdentity(layer.node);
    const clusters = layer.clusters.flatMap((name) => {
      const compiled = o.services.get(name);
      if (layer.node.kind === "grpc") return compiled?.grpcCluster ?? [];
      return (identified ? compiled?.mutualCluster : undefined) ?? compiled?.cluster ?? [];
    });
    o.cache.replace(layer.name, [...view, ...clusters]);
  }

  function openView(name: string, node: NodeMetadata, { region }: NodePlace): Layer {
    const { view, clusters, problems } = compileCaller(node);
    const layer: Layer = { name, node, region, clusters: [], problems, users: 0 };
    layers.set(name, layer);
    o.services.openRegion(region);
    exchange(layer, clusters);
    fillView(layer, view);
    return layer;
  }

  /** The services of which a change concerns a layer: what listens on local ports follows the policies of its own service as well. */
  function regards({ node, clusters, instance }: Layer): readonly string[] {
    return instance === undefined && node.dependencies.some(({ port }) => port !== undefined) ? [...clusters, node.service] : clusters;
  }

  /** Takes these clusters in place of those that the layer has. Returns those to be released once nothing leads there any more. */
  function exchange(layer: Layer, clusters: readonly string[]): readonly string[] {
    const before = { clusters: layer.clusters, regards: regards(layer) };
    layer.clusters = clusters;
    for (const service of clusters) if (!before.clusters.includes(service)) o.services.acquire(service);
    const after = regards(layer);
    for (const service of after) callers.set(service, (callers.get(service) ?? new Set()).add(layer));
    for (const service of before.regards) if (!after.includes(service)) forget(service, layer);
    return before.clusters.filter((service) => !clusters.includes(service));
  }

  function forget(service: string, layer: Layer): void {
    const left = callers.get(service);
    left?.delete(layer);
    if (left?.size === 0) callers.delete(service);
  }

  function fillInstance(layer: Layer, { identity, traffic, basis }: Ground): void {
    const compiled = timed(() => compileInstance(layer.node, traffic, identity));
    layer.problems = compiled.problems;
    layer.basis = basis;
    o.cache.replace(layer.name, compiled.instance);
  }

  /** For the instances of one service; `tcp` also goes by what the handshakes let in. */
  function groundOf(service: string, policies = o.traffic()): (node: NodeMetadata, instance: string) => Ground {
    const traffic = trafficTo(o.catalog(service) ?? { name: service, instances: [] }, policies);
    const identityOf = o.identity.of(service);
    const settings = JSON.stringify([traffic.settings, traffic.documents]);
    return (node, instance) => {
      const [identity, basis] = identityOf(instance);
      if (node.protocol !== "tcp" || !takesRules(node)) return { traffic, identity, basis: `${basis} ${settings}` };
      const admission = o.rules.admission(service, node.protocol);
      return { traffic, identity: { ...identity, admission }, basis: `${basis} ${settings} ${JSON.stringify(admission)}` };
    };
  }

  function openInstance(name: string, node: NodeMetadata, instance: string): Layer {
    const layer: Layer = { name, node, instance, clusters: [], problems: [], users: 0 };
    if (takesRules(node)) o.rules.acquire(node.service, node.protocol);
    const ground = groundOf(node.service)(node, instance);
    const other = o.startingBy?.(node.service, () => compileInstance(node, ground.traffic, ground.identity).instance);
    fillInstance(layer, other ? groundOf(node.service, other)(node, instance) : ground);
    layers.set(name, layer);
    own.set(node.service, (own.get(node.service) ?? new Set()).add(layer));
    return layer;
  }

  /** A node whose resources cannot be compiled keeps what it has. */
  function guarded(layer: Layer, compile: () => void): void {
    try {
      compile();
    } catch (error) {
      const { service } = layer.node;
      o.log.error({ event: "node.uncompilable", service, err: error }, `${service}'s proxies keep what they have: it cannot be compiled`);
    }
  }

  function drop(layer: Layer): void {
    layers.delete(layer.name);
    o.cache.drop(layer.name);
    for (const service of regards(layer)) forget(service, layer);
    for (const service of layer.clusters) o.services.release(service);
    if (layer.region !== undefined) o.services.closeRegion(layer.region);
    const { service, protocol } = layer.node;
    if (layer.instance !== undefined && takesRules(layer.node)) o.rules.release(service, protocol);
    const left = own.get(service);
    if (left?.delete(layer) && left.size === 0) own.delete(service);
  }

  function use(layer: Layer): void {
    layer.linger?.cancel();
    delete layer.linger;
    layer.users++;
  }

  function leave(layer: Layer): void {
    layer.users--;
    if (layer.users === 0) layer.linger = o.clock.timeout(layerLinger, () => drop(layer));
  }

  return {
    claim(node, place, key) {
      const names = layersOf(node, place, key);
      const view = layers.get(names.view) ?? openView(names.view, node, place);
      const instance = layers.get(names.instance) ?? openInstance(names.instance, node, key);
      const claimed = [instance, view];
      for (const layer of claimed) use(layer);
      let released = false;
      return {
        view: {
          layers: claimed.map((layer) => layer.name),
          named: [...(place.region ? [regionalLayer(place.region)] : []), endpointsLayer, authorizationLayer],
        },
        get clusters() {
          return view.clusters;
        },
        get problems() {
          return [...view.problems, ...instance.problems];
        },
        release() {
          if (released) return;
          released = true;
          for (const layer of claimed) leave(layer);
        },
      };
    },
    reshaped(names) {
      const affected = new Set<Layer>();
      for (const name of names) for (const layer of callers.get(name) ?? []) affected.add(layer);
      for (const layer of affected)
        guarded(layer, () => {
          const { view, clusters, problems } = compileCaller(layer.node);
          layer.problems = problems;
          const left = exchange(layer, clusters);
          fillView(layer, view);
          for (const service of left) o.services.release(service);
        });
    },
    registered(names) {
      for (const name of names) {
        const found = own.get(name);
        if (!found) continue;
        const ground = groundOf(name);
        for (const layer of found) {
          const now = ground(layer.node, layer.instance ?? "");
          if (now.basis !== layer.basis) guarded(layer, () => fillInstance(layer, now));
        }
      }
    },
    services: () => own.keys(),
    get size() {
      return layers.size;
    },
    stop() {
      for (const layer of layers.values()) layer.linger?.cancel();
    },
  };
}

/** Callers are told apart by mutual TLS alone, which takes a certificate. */
function takesRules(node: NodeMetadata): boolean {
  return node.kind === "sidecar" && node.certificates !== undefined;
}
