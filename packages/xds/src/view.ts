/** What a node may see: an ordered list of layers, shared by every stream that has the same list. */
import type { ChangedNames, ResourceCache } from "./cache.js";
import type { NameList } from "./names.js";
import type { Resource } from "./resource.js";
import { TypeUrl } from "./type.js";

/** The layers of one node. */
export interface NodeView {
  /**
   * Seen by wildcards and looked up by name; the first layer that has a name wins. The node waits until all exist; when one is dropped,
   * it keeps what it has until that layer exists again. To take everything away, replace the layer with nothing.
   */
  readonly layers: readonly string[];
  /** Looked up by name after `layers`, never seen by a wildcard: what a client gets only by asking for it. */
  readonly named?: readonly string[];
  /** Passed through as `version_info` and `system_version_info` instead of the content's own hash. */
  readonly version?: string;
}

/** A NodeView over a cache, with what has been computed from it. Compared by identity. */
export class View {
  readonly layers: ReadonlySet<string>;
  readonly named: ReadonlySet<string>;
  readonly #lists = new Map<string, readonly Resource[]>();
  readonly #resolved = new Map<string, WeakMap<NameList, readonly Resource[]>>();
  #complete = false;

  constructor(
    private readonly cache: ResourceCache,
    readonly source: NodeView,
    readonly key: string,
  ) {
    this.layers = new Set(source.layers);
    this.named = new Set([...source.layers, ...(source.named ?? [])]);
  }

  /** The first layer that the node sees and that does not exist, not yet or no more. */
  get missing(): string | undefined {
    if (this.#complete) return undefined;
    const missing = this.source.layers.find((name) => !this.cache.layer(name));
    this.#complete = missing === undefined;
    return missing;
  }

  /** What a client that asks by name gets. */
  lookup(typeUrl: string, name: string): Resource | undefined {
    return this.#find(this.named, typeUrl, name);
  }

  /** What a wildcard shows under this name. */
  visible(typeUrl: string, name: string): Resource | undefined {
    return this.#find(this.layers, typeUrl, name);
  }

  /** All that a wildcard shows of a type; the same array until something in it changes. */
  all(typeUrl: string): readonly Resource[] {
    const known = this.#lists.get(typeUrl);
    if (known) return known;
    const byName = new Map<string, Resource>();
    for (const layer of this.source.layers) {
      for (const [name, resource] of this.cache.layer(layer)?.get(typeUrl) ?? []) if (!byName.has(name)) byName.set(name, resource);
    }
    const list = [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    this.#lists.set(typeUrl, list);
    return list;
  }

  /** What `find` finds for all names of a list; the same array until something of the type changes. Undefined when it finds one not. */
  resolve(typeUrl: string, list: NameList, find: (name: string) => Resource | undefined): readonly Resource[] | undefined {
    let lists = this.#resolved.get(typeUrl);
    if (!lists) {
      lists = new WeakMap();
      this.#resolved.set(typeUrl, lists);
    }
    const known = lists.get(list);
    if (known) return known;
    const resources: Resource[] = [];
    for (const name of list.set) {
      const resource = find(name);
      if (!resource) return undefined;
      resources.push(resource);
    }
    lists.set(list, resources);
    return resources;
  }

  /** Forgets what was computed from what changed. Endpoints depend on clusters, because a cluster without any has empty ones. */
  changed(names: ChangedNames): void {
    this.#complete = false;
    for (const typeUrl of names.keys()) {
      this.#lists.delete(typeUrl);
      this.#resolved.delete(typeUrl);
      if (typeUrl === TypeUrl.cluster) this.#resolved.delete(TypeUrl.endpoint);
    }
  }

  #find(layers: ReadonlySet<string>, typeUrl: string, name: string): Resource | undefined {
    for (const layer of layers) {
      const resource = this.cache.layer(layer)?.get(typeUrl)?.get(name);
      if (resource) return resource;
    }
    return undefined;
  }
}

/** The views in use, one per distinct list of layers. */
export class Views {
  readonly #views = new Map<string, { view: View; users: number }>();

  constructor(private readonly cache: ResourceCache) {}

  /** The shared view for these layers. Each call is paid back with one `release`. */
  acquire(source: NodeView): View {
    const key = JSON.stringify([source.layers, source.named ?? [], source.version ?? null]);
    const entry = this.#views.get(key) ?? { view: new View(this.cache, source, key), users: 0 };
    entry.users += 1;
    this.#views.set(key, entry);
    return entry.view;
  }

  /** Gives a view back; the last one to do so frees it. */
  release(view: View): void {
    const entry = this.#views.get(view.key);
    if (!entry) return;
    entry.users -= 1;
    if (entry.users === 0) this.#views.delete(view.key);
  }

  /** Tells the views that see a layer what changed in it. */
  changed(layer: string, names: ChangedNames): void {
    for (const { view } of this.#views.values()) if (view.named.has(layer)) view.changed(names);
  }
}
