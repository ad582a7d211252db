/** The mesh once more, by other policies: compiled by the same code from the same inputs, into a cache that nobody is served from. */
import { identityPolicies, type PolicySet, trafficPolicies } from "@legation/mesh/policy";
import { type Clock, createLogger } from "@legation/runtime";
import { createResourceCache, type Resource, type ResourceCache } from "@legation/xds";
import { serviceOf } from "../quarantine/refused-content.js";
import { authorizationLayer } from "../reconcile/authorization-rules.js";
import type { ConnectedProxy } from "../reconcile/nodes.js";
import { createReconciler, type Reconciler } from "../reconcile/reconciler.js";

/** What a shadow is made from: everything that the mesh is compiled from but the policies. */
export type ShadowSource = Pick<Reconciler, "services" | "trust" | "intentions">;

/** The mesh by other policies. */
export interface ShadowMesh {
  /** What a proxy would get, by type URL and name. */
  resourcesOf(proxy: ConnectedProxy): ReadonlyMap<string, Resource>;
  stop(): void;
}

/** Makes it. What is compiled for a proxy is kept until `stop`. */
export function createShadowMesh(source: ShadowSource, policies: PolicySet, clock: Clock): ShadowMesh {
  const cache = createResourceCache();
  const reconciler = createShadowReconciler(source, policies, cache, clock);
  return {
    resourcesOf: ({ node, metadata, place }) => resourcesIn(cache, reconciler.claim(metadata, place, node), metadata.service),
    stop: () => reconciler.stop(),
  };
}

/** A reconciler by other policies that fills this cache, and tells nobody. */
export function createShadowReconciler(source: ShadowSource, policies: PolicySet, cache: ResourceCache, clock: Clock): Reconciler {
  const reconciler = createReconciler({
    cache,
    services: source.services(),
    events: { tell: () => undefined, settle: () => undefined },
    metrics: { compiled: () => undefined, published: () => undefined },
    leaving: { consulAnswers: () => true, atWork: () => true },
    clock,
    log: createLogger({ name: "shadow", level: "silent" }),
  });
  reconciler.setTrust(source.trust());
  const intentions = source.intentions();
  if (intentions) reconciler.setIntentions(intentions);
  reconciler.setPolicies(identityPolicies(policies.of("Identity")), trafficPolicies(policies));
  return reconciler;
}

function resourcesIn(
  cache: ResourceCache,
  {
    view,
    clusters,
  }: { readonly view: { readonly layers: readonly string[]; readonly named?: readonly string[] }; readonly clusters: readonly string[] },
  service: string,
): ReadonlyMap<string, Resource> {
  const found = new Map<string, Resource>();
  const add = (resource: Resource) => {
    const key = `${resource.typeUrl} ${resource.name}`;
    if (!found.has(key)) found.set(key, resource);
  };
  for (const layer of view.layers) for (const byName of cache.layer(layer)?.values() ?? []) for (const one of byName.values()) add(one);
  const wanted = new Set(clusters);
  for (const layer of view.named ?? []) {
    for (const byName of cache.layer(layer)?.values() ?? []) {
      if (layer !== authorizationLayer) {
        for (const name of wanted) {
          const one = byName.get(name);
          if (one) add(one);
        }
      } else for (const one of byName.values()) if (serviceOf(one) === service) add(one);
    }
  }
  return found;
}
