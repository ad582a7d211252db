/** Which changes made which resources other: what the cache is given while the reconciler publishes is theirs. */
import type { Provenance } from "@legation/mesh";
import { type ChangedNames, type Publication, type ResourceCache, TypeUrl } from "@legation/xds";
import type { OpenChange } from "./open-change.js";

/** What changed in the cache since `begin`. */
export interface Batch {
  /** What came into the cache before is nobody's. */
  begin(): void;
  /**
   * The services were compiled, and `of` are the changes of each. Endpoints are those of the changes of their own service; whatever else was
   * made from such a service too; the rest may be due to any of them. Returns the changes that made something other.
   */
  end(services: readonly string[], of: (service: string) => ReadonlySet<OpenChange> | undefined): ReadonlySet<OpenChange>;
  /** The changes that this publication carries, with the streams that it marks for them. Each is told in one publication. */
  published(
    publication: Publication,
    mark: (open: OpenChange, typeUrl: string, streams: readonly number[]) => void,
  ): ReadonlySet<OpenChange>;
}

/** Makes it over the cache that the streams are served from. `word` is what people call a type. */
export function createBatch(cache: Pick<ResourceCache, "onChange" | "layer">, word: (typeUrl: string) => string): Batch {
  let collecting = false;
  let changed: { readonly layer: string; readonly names: ChangedNames }[] = [];
  /** Changes that are not published, by layer, type and name. */
  const unpublished = new Map<string, Map<string, Map<string, Set<OpenChange>>>>();
  let carried = new Set<OpenChange>();
  cache.onChange((layer, names) => {
    if (collecting) changed.push({ layer, names });
  });

  function owner(layer: string, typeUrl: string, name: string): string | undefined {
    if (typeUrl === TypeUrl.endpoint) return name;
    const provenance = cache.layer(layer)?.get(typeUrl)?.get(name)?.provenance as Provenance | undefined;
    return provenance?.service;
  }

  function owe(layer: string, typeUrl: string, name: string, opens: Iterable<OpenChange>): void {
    const types = at(unpublished, layer, () => new Map<string, Map<string, Set<OpenChange>>>());
    const names = at(types, typeUrl, () => new Map<string, Set<OpenChange>>());
    const owed = at(names, name, () => new Set<OpenChange>());
    for (const open of opens) {
      open.altered(typeUrl, name, word(typeUrl));
      owed.add(open);
      carried.add(open);
    }
  }

  return {
    begin() {
      changed = [];
      collecting = true;
    },
    end(services, of) {
      collecting = false;
      const taken = new Set(services);
      const all = new Set(services.flatMap((service) => [...(of(service) ?? [])]));
      const altered = new Set<OpenChange>();
      if (all.size === 0) return altered;
      for (const { layer, names } of changed)
        for (const [typeUrl, ofType] of names)
          for (const name of ofType) {
            const service = owner(layer, typeUrl, name);
            const opens = service !== undefined && taken.has(service) ? of(service) : all;
            if (!opens || opens.size === 0) continue;
            owe(layer, typeUrl, name, opens);
            for (const open of opens) altered.add(open);
          }
      changed = [];
      return altered;
    },
    published({ marks }, mark) {
      const done = carried;
      if (done.size === 0) return done;
      for (const { layer, typeUrl, names, streams } of marks) {
        const owed = unpublished.get(layer)?.get(typeUrl);
        if (!owed) continue;
        const concerned = new Set<OpenChange>();
        for (const name of names) for (const open of owed.get(name) ?? []) concerned.add(open);
        for (const open of concerned) mark(open, typeUrl, streams);
      }
      unpublished.clear();
      carried = new Set();
      return done;
    },
  };
}

function at<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}
