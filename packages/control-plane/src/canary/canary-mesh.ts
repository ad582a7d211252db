/** What the canary's proxies get in place of the live state: the mesh by the canary's policies, in layers of its own, kept up to date like the live one. */
import type { NodeMetadata, RoutingNotice } from "@legation/contract";
import type { PolicySet } from "@legation/mesh/policy";
import type { Clock } from "@legation/runtime";
import type { NodeView, ResourceCache } from "@legation/xds";
import { createShadowReconciler, type ShadowSource } from "../plan/shadow-mesh.js";
import type { Reconciler } from "../reconcile/reconciler.js";
import type { NodePlace } from "../reconcile/views.js";

/** The canary as the streams see it. */
export interface CanaryMesh {
  /** Serves these policies to these proxies from now on, in place of whatever was served to them before. */
  begin(policies: PolicySet, nodes: ReadonlySet<string>): void;
  /** Gives the proxies back to the live state. */
  end(): void;
  /** The proxy gets the canary. */
  has(node: string): boolean;
  /** What a proxy sees; undefined for one that does not get the canary. It holds what it is until the canary ends. */
  view(node: NodeMetadata, place: NodePlace, instance: string): NodeView | undefined;
  /** What those of the canary's proxies that call an instance's service are given now; undefined without a canary. */
  routed(notice: RoutingNotice): ReturnType<Reconciler["routed"]> | undefined;
  /** Follows the live mesh: see `ReconcilerOptions.changed`. */
  changed(services: readonly string[] | "identity"): void;
}

interface Running {
  readonly policies: PolicySet;
  readonly nodes: ReadonlySet<string>;
  readonly reconciler: Reconciler;
  /** Before the name of each of its layers, and these. */
  readonly prefix: string;
  readonly layers: Set<string>;
}

/** Makes it, serving nobody. `refresh` has a proxy's view asked for again. */
export function createCanaryMesh(o: {
  readonly mesh: () => ShadowSource & Pick<Reconciler, "service">;
  readonly cache: ResourceCache;
  readonly refresh: (node: string) => void;
  readonly clock: Clock;
}): CanaryMesh {
  let running: Running | undefined;
  let begun = 0;

  function start(policies: PolicySet, nodes: ReadonlySet<string>): void {
    const layers = new Set<string>();
    const prefix = `canary ${++begun} `;
    running = {
      policies,
      nodes,
      prefix,
      layers,
      reconciler: createShadowReconciler(o.mesh(), policies, within(o.cache, prefix, layers), o.clock),
    };
  }

  function stop(last: Running): void {
    last.reconciler.stop();
    for (const layer of last.layers) o.cache.drop(layer);
  }

  function replace(next: () => void): void {
    const last = running;
    const nodes = new Set(last?.nodes);
    running = undefined;
    next();
    for (const node of running ? (running as Running).nodes : []) nodes.add(node);
    // The proxies leave the old layers before these go.
    for (const node of nodes) o.refresh(node);
    if (last) stop(last);
  }

  return {
    begin: (policies, nodes) => replace(() => start(policies, nodes)),
    end: () => replace(() => undefined),
    has: (node) => running?.nodes.has(node) ?? false,
    view(node, place, instance) {
      if (!running?.nodes.has(instance)) return undefined;
      const { reconciler, prefix } = running;
      // Never released: a stream holds a claim of the live mesh only.
      const { view } = reconciler.claim(node, place, instance);
      const inside = (names: readonly string[] = []) => names.map((name) => prefix + name);
      return { layers: inside(view.layers), named: inside(view.named) };
    },
    routed: (notice) => running?.reconciler.routed(notice),
    changed(services) {
      if (!running) return;
      const { policies, nodes, reconciler } = running;
      if (services === "identity") return replace(() => start(policies, nodes));
      for (const name of services) {
        const service = o.mesh().service(name);
        if (service) reconciler.set(service);
        else reconciler.remove(name);
      }
      // In the same tick as the live state, so that nobody is told of the one what does not hold for the other.
      reconciler.flush();
    },
  };
}

function within(cache: ResourceCache, prefix: string, layers: Set<string>): ResourceCache {
  const own = (layer: string) => {
    layers.add(prefix + layer);
    return prefix + layer;
  };
  return {
    patch: (layer, changes) => cache.patch(own(layer), changes),
    replace: (layer, resources) => cache.replace(own(layer), resources),
    drop(layer) {
      layers.delete(prefix + layer);
      cache.drop(prefix + layer);
    },
    layer: (name) => cache.layer(prefix + name),
    onChange: (listener) => cache.onChange((layer, names) => layer.startsWith(prefix) && listener(layer.slice(prefix.length), names)),
  };
}
