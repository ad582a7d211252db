/** What each node gets: layers compiled when the first node needs them, shared by all that agree, dropped when the last is gone. */
import type { NodeMetadata } from "@legation/contract";
import {
  type CatalogService,
  type CompiledNode,
  compileNode,
  endpointsLayer,
  layersOf,
  type MeshDefaults,
  type MeshResource,
  type Problem,
} from "@legation/mesh";
import type { Clock, Logger } from "@legation/runtime";
import type { NodeView, ResourceCache } from "@legation/xds";
import type { Metrics } from "../telemetry/metrics.js";
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
  /** Compiles what is missing of a node's layers, and claims them. */
  claim(node: NodeMetadata, place: NodePlace): NodeClaim;
  /** Compiles anew the layers of those that call these services; a layer that cannot be compiled stays as it is. */
  reshaped(names: ReadonlySet<string>): void;
  /** Layers that exist now. */
  readonly size: number;
  /** Ends all timers. */
  stop(): void;
}

interface Layer {
  readonly name: string;
  /** One of the nodes that agree in this layer. */
  readonly node: NodeMetadata;
  /** The services it acquired; none for an instance layer. */
  readonly clusters: readonly string[];
  problems: readonly Problem[];
  users: number;
  linger?: { cancel(): void };
}

/** Makes an empty collection. */
export function createNodeViews(o: {
  readonly catalog: (name: string) => CatalogService | undefined;
  readonly services: CompiledServices;
  readonly cache: ResourceCache;
  readonly defaults: MeshDefaults;
  readonly metrics: Pick<Metrics, "compiled">;
  readonly clock: Clock;
  readonly log: Logger;
}): NodeViews {
  const layers = new Map<string, Layer>();
  const callers = new Map<string, Set<Layer>>();

  function compile(node: NodeMetadata): CompiledNode {
    const start = o.clock.monotonic();
    const compiled = compileNode(node, o.catalog, o.defaults);
    o.metrics.compiled("node", (o.clock.monotonic() - start) / 1_000);
    return compiled;
  }

  function fill(layer: Layer, own: readonly MeshResource[]): void {
    const clusters = layer.clusters.flatMap((name) => o.services.get(name)?.cluster ?? []);
    o.cache.replace(layer.name, [...own, ...clusters]);
  }

  function open(
    name: string,
    node: NodeMetadata,
    compiled: CompiledNode,
    own: readonly MeshResource[],
    clusters: readonly string[],
  ): Layer {
    const layer: Layer = { name, node, clusters, problems: compiled.problems, users: 0 };
    layers.set(name, layer);
    for (const service of clusters) {
      o.services.acquire(service);
      callers.set(service, (callers.get(service) ?? new Set()).add(layer));
    }
    fill(layer, own);
    return layer;
  }

  function drop(layer: Layer): void {
    layers.delete(layer.name);
    o.cache.drop(layer.name);
    for (const service of layer.clusters) {
      const left = callers.get(service);
      left?.delete(layer);
      if (left?.size === 0) callers.delete(service);
      o.services.release(service);
    }
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
    claim(node, place) {
      const names = layersOf(node, place);
      const known = { view: layers.get(names.view), instance: layers.get(names.instance) };
      let fresh: CompiledNode | undefined;
      const compiled = () => {
        fresh ??= compile(node);
        return fresh;
      };
      const view = known.view ?? open(names.view, node, compiled(), compiled().view, compiled().clusters);
      const instance = known.instance ?? open(names.instance, node, compiled(), compiled().instance, []);
      const claimed = [instance, view];
      for (const layer of claimed) use(layer);
      let released = false;
      return {
        view: { layers: claimed.map((layer) => layer.name), named: [endpointsLayer] },
        clusters: view.clusters,
        get problems() {
          return [...view.problems.filter((p) => !ofInstance(p)), ...instance.problems.filter(ofInstance)];
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
      for (const layer of affected) {
        try {
          const compiled = compile(layer.node);
          layer.problems = compiled.problems;
          fill(layer, compiled.view);
        } catch (error) {
          const { service } = layer.node;
          o.log.error(
            { event: "node.uncompilable", service, err: error },
            `${service}'s proxies keep what they have: it cannot be compiled`,
          );
        }
      }
    },
    get size() {
      return layers.size;
    },
    stop() {
      for (const layer of layers.values()) layer.linger?.cancel();
    },
  };
}

function ofInstance(problem: Problem): boolean {
  return problem.code === "node-address";
}
