/** The resources that exist: named layers of immutable resources, changed atomically, with one listener per reader. */
import { type Resource, sameContent } from "./resource.js";
import { stampRevision } from "./revision.js";

/** What becomes of a layer in one step. A name in both lists is set. */
export interface Changes {
  readonly set?: Iterable<Resource>;
  readonly remove?: Iterable<{ readonly typeUrl: string; readonly name: string }>;
}

/** The resources of one layer by type URL and name. */
export type Layer = ReadonlyMap<string, ReadonlyMap<string, Resource>>;

/** What changed in a layer: the names by type URL. Empty when a layer was only created. */
export type ChangedNames = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * Resources in named layers. A node sees an ordered list of layers, and the first one that has a name wins. Resources
 * that equal what is there keep the old object, so that nothing is sent anew for them.
 */
export interface ResourceCache {
  /** Applies all changes at once; creates the layer if needed. */
  patch(layer: string, changes: Changes): void;
  /** Makes the layer hold exactly these resources, by applying the difference. */
  replace(layer: string, resources: Iterable<Resource>): void;
  /**
   * Removes the layer and all that is in it. A node that sees it keeps what it has and waits until the layer exists again; to take
   * everything away from it, `replace` the layer with nothing.
   */
  drop(layer: string): void;
  /** The layer as it is now; it changes with the next patch. Undefined when there is none of that name. */
  layer(name: string): Layer | undefined;
  /** Calls back after each change, until the returned function is called. */
  onChange(listener: (layer: string, changed: ChangedNames) => void): () => void;
}

/** Creates an empty cache. One cache may serve several servers. */
export function createResourceCache(): ResourceCache {
  return new LayeredCache();
}

class LayeredCache implements ResourceCache {
  readonly #layers = new Map<string, Map<string, Map<string, Resource>>>();
  readonly #listeners = new Set<(layer: string, changed: ChangedNames) => void>();

  layer(name: string): Layer | undefined {
    return this.#layers.get(name);
  }

  onChange(listener: (layer: string, changed: ChangedNames) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  patch(name: string, changes: Changes): void {
    const created = !this.#layers.has(name);
    const layer = this.#open(name);
    const changed = new Map<string, Set<string>>();
    const set = [...(changes.set ?? [])];
    const kept = new Set(set.map((r) => `${r.typeUrl} ${r.name}`));
    for (const { typeUrl, name: gone } of changes.remove ?? []) {
      if (!kept.has(`${typeUrl} ${gone}`) && layer.get(typeUrl)?.delete(gone)) note(changed, typeUrl, gone);
    }
    for (const resource of set) {
      const byName = layer.get(resource.typeUrl) ?? new Map<string, Resource>();
      layer.set(resource.typeUrl, byName);
      const old = byName.get(resource.name);
      if (old && sameContent(old, resource)) continue;
      byName.set(resource.name, resource);
      stampRevision(resource);
      note(changed, resource.typeUrl, resource.name);
    }
    if (created || changed.size > 0) this.#tell(name, changed);
  }

  replace(name: string, resources: Iterable<Resource>): void {
    const set = [...resources];
    const remove: { typeUrl: string; name: string }[] = [];
    for (const [typeUrl, byName] of this.#layers.get(name) ?? []) for (const old of byName.keys()) remove.push({ typeUrl, name: old });
    this.patch(name, { set, remove });
  }

  drop(name: string): void {
    const layer = this.#layers.get(name);
    if (!layer) return;
    this.#layers.delete(name);
    const changed = new Map<string, Set<string>>();
    for (const [typeUrl, byName] of layer) if (byName.size > 0) changed.set(typeUrl, new Set(byName.keys()));
    this.#tell(name, changed);
  }

  #open(name: string): Map<string, Map<string, Resource>> {
    const layer = this.#layers.get(name) ?? new Map<string, Map<string, Resource>>();
    this.#layers.set(name, layer);
    return layer;
  }

  #tell(layer: string, changed: ChangedNames): void {
    for (const listener of this.#listeners) listener(layer, changed);
  }
}

function note(changed: Map<string, Set<string>>, typeUrl: string, name: string): void {
  const names = changed.get(typeUrl);
  if (names) names.add(name);
  else changed.set(typeUrl, new Set([name]));
}
