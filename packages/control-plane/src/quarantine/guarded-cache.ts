/** The cache as the compiler fills it, and what proxies are given of it: the same, but for what is held back. */
import { type Resource, type ResourceCache, sameContent, TypeUrl } from "@legation/xds";
import type { Lineage } from "./lineage.js";
import { partsOf, type Substitution } from "./substitution.js";

/**
 * The types that are held back for everybody. Endpoints are not: one proxy's refusal must not hide from others where an instance is. What a
 * proxy alone refuses of the rest stays at its last good version there.
 */
export const guardedTypes: ReadonlySet<string> = new Set([TypeUrl.cluster, TypeUrl.listener, TypeUrl.route]);

/** The cache between the compiler and the streams. */
export interface GuardedCache extends ResourceCache {
  /** Serves again what is to be served of these names, by what is held back now. `part`: wherever the routes have such a virtual host. */
  refill(names: Iterable<{ readonly typeUrl: string; readonly name: string; readonly part: boolean }>): void;
  /** What is served now under a name, in whichever layers. */
  served(typeUrl: string, name?: string): Iterable<Resource>;
}

/** Puts the guard in front of a cache, which nobody else fills. */
export function createGuardedCache(cache: ResourceCache, substitution: Substitution, lineage: Lineage): GuardedCache {
  const layers = new Set<string>();
  /** What was wanted where something else is served, by layer and by type and name. */
  const wanted = new Map<string, Map<string, Resource>>();
  const slot = ({ typeUrl, name }: { readonly typeUrl: string; readonly name: string }) => `${typeUrl} ${name}`;

  function serve(layer: string, resource: Resource): Resource {
    if (!guardedTypes.has(resource.typeUrl)) return resource;
    const served = substitution.serve(layer, resource);
    if (served !== resource) wanted.set(layer, (wanted.get(layer) ?? new Map()).set(slot(resource), resource));
    else wanted.get(layer)?.delete(slot(resource));
    const old = cache.layer(layer)?.get(resource.typeUrl)?.get(resource.name);
    if (!old || !sameContent(old, served)) lineage.replaced(old, served);
    return served;
  }

  function find(layer: string, typeUrl: string, name: string | undefined): Iterable<Resource> {
    const byName = cache.layer(layer)?.get(typeUrl);
    if (name === undefined) return byName?.values() ?? [];
    const found = byName?.get(name);
    return found ? [found] : [];
  }

  return {
    layer: (name) => cache.layer(name),
    onChange: (listener) => cache.onChange(listener),
    patch(layer, { set, remove }) {
      layers.add(layer);
      const gone = [...(remove ?? [])];
      for (const one of gone) wanted.get(layer)?.delete(slot(one));
      cache.patch(layer, { set: [...(set ?? [])].map((resource) => serve(layer, resource)), remove: gone });
    },
    replace(layer, resources) {
      layers.add(layer);
      wanted.delete(layer);
      cache.replace(
        layer,
        [...resources].map((resource) => serve(layer, resource)),
      );
    },
    drop(layer) {
      layers.delete(layer);
      wanted.delete(layer);
      substitution.forget(layer);
      cache.drop(layer);
    },
    refill(names) {
      for (const { typeUrl, name, part } of names) {
        for (const layer of layers) {
          for (const current of find(layer, typeUrl, part ? undefined : name)) {
            const asked = wanted.get(layer)?.get(slot(current)) ?? current;
            if (part && !partsOf(asked).has(name)) continue;
            const served = serve(layer, asked);
            if (!sameContent(served, current)) cache.patch(layer, { set: [served] });
          }
        }
      }
    },
    *served(typeUrl, name) {
      for (const layer of layers) yield* find(layer, typeUrl, name);
    },
  };
}
