/** What a proxy is given, by type and name, as its streams would see it. */
import type { MeshResource } from "@legation/mesh";
import type { NodeView, ResourceCache } from "@legation/xds";
import type { Reconciler } from "../reconcile/reconciler.js";
import type { Caller } from "./callers.js";

/** Its resources, until `release`. */
export interface Given {
  resource(typeUrl: string, name: string): Pick<MeshResource, "bytes"> | undefined;
  readonly layers: readonly string[];
  release(): void;
}

/** Claims them: those of the canary where the proxy is in it. */
export function givenTo(
  { node, instance, region, zone }: Caller,
  o: {
    readonly reconciler: Pick<Reconciler, "claim">;
    readonly canary: (
      node: Caller["node"],
      place: { readonly region: string; readonly zone: string },
      instance: string,
    ) => NodeView | undefined;
    readonly cache: Pick<ResourceCache, "layer">;
  },
): Given {
  const place = { region, zone };
  const claim = o.reconciler.claim(node, place, instance);
  const { layers, named = [] } = o.canary(node, place, instance) ?? claim.view;
  return {
    resource(typeUrl, name) {
      for (const layer of [...layers, ...named]) {
        const found = o.cache.layer(layer)?.get(typeUrl)?.get(name);
        if (found) return found;
      }
      return undefined;
    },
    layers,
    release: () => claim.release(),
  };
}
