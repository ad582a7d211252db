/** What is served in place of what is wanted, by what proxies have refused. */
import { type MeshResource, type RoutePart, routeParts, routesType, withRouteParts } from "@legation/mesh";
import type { Resource } from "@legation/xds";
import { contentKey, partKey, type RefusedContent, resourceKey, resourceWith } from "./refused-content.js";

/** What is held back at most; the oldest that nothing asks for goes first. */
export const contentsKept = 256;

/** The contents that are held back, and who asks for them. */
export interface Substitution {
  /** What a layer is given that is to have the resource. The same object where nothing of it is held back. */
  serve(layer: string, wanted: Resource): Resource;
  /** The layer, or the resource in it, is no more. */
  forget(layer: string): void;
  add(content: RefusedContent): void;
  remove(content: RefusedContent): void;
  has(content: RefusedContent): boolean;
  /** True when exactly this resource, as a whole, is held back. */
  holds(resource: Resource): boolean;
  /** All of them, oldest first. */
  all(): readonly RefusedContent[];
  /** Those that a layer asks for: of one, or of any. */
  wanted(layer?: string): readonly RefusedContent[];
  readonly size: number;
}

interface Entry {
  readonly content: RefusedContent;
  readonly layers: Set<string>;
}

/** The virtual hosts of a resource; none for any other type, and for routes that cannot be read. */
export function partsOf(resource: Resource): ReadonlyMap<string, RoutePart> {
  if (resource.typeUrl !== routesType) return none;
  const known = read.get(resource);
  if (known) return known;
  const parts = routeParts(resource);
  read.set(resource, parts);
  return parts;
}

const none: ReadonlyMap<string, RoutePart> = new Map();
const read = new WeakMap<Resource, ReadonlyMap<string, RoutePart>>();

/** Makes it, holding nothing back. */
export function createSubstitution(): Substitution {
  const entries = new Map<string, Entry>();
  /** By type and name, so that what nobody asks for any more is found when other content comes. */
  const byName = new Map<string, Set<Entry>>();
  const nameKey = (typeUrl: string, name: string, part: boolean) => `${part ? "part" : "whole"} ${typeUrl} ${name}`;

  function remove(content: RefusedContent): void {
    const key = contentKey(content);
    const entry = entries.get(key);
    if (!entry) return;
    entries.delete(key);
    const names = nameKey(content.typeUrl, content.name, content.part);
    const left = byName.get(names);
    left?.delete(entry);
    if (left?.size === 0) byName.delete(names);
  }

  /** Other content of the name has come to the layer: whoever was the last to ask for an entry of it ends that. */
  function passed(layer: string, names: string, key: string): void {
    for (const entry of [...(byName.get(names) ?? [])]) {
      if (contentKey(entry.content) === key || !entry.layers.delete(layer)) continue;
      if (entry.layers.size === 0) remove(entry.content);
    }
  }

  function held(layer: string, key: string): Entry | undefined {
    const entry = entries.get(key);
    entry?.layers.add(layer);
    return entry;
  }

  function whole(layer: string, wanted: Resource): Resource {
    const key = resourceKey(wanted);
    passed(layer, nameKey(wanted.typeUrl, wanted.name, false), key);
    const entry = held(layer, key);
    return entry?.content.instead ? resourceWith(wanted, entry.content.instead) : wanted;
  }

  function inParts(layer: string, wanted: Resource): Resource {
    const others = new Map<string, Uint8Array | undefined>();
    for (const part of partsOf(wanted).values()) {
      const key = partKey(part);
      passed(layer, nameKey(routesType, part.name, true), key);
      const entry = held(layer, key);
      if (entry) others.set(part.name, entry.content.instead ?? undefined);
    }
    return others.size > 0 ? withRouteParts(wanted as MeshResource, others) : wanted;
  }

  return {
    serve(layer, wanted) {
      if (entries.size === 0) return wanted;
      return whole(layer, wanted.typeUrl === routesType ? inParts(layer, wanted) : wanted);
    },
    forget(layer) {
      for (const { layers } of entries.values()) layers.delete(layer);
    },
    add(content) {
      remove(content);
      const entry: Entry = { content, layers: new Set() };
      entries.set(contentKey(content), entry);
      const names = nameKey(content.typeUrl, content.name, content.part);
      byName.set(names, (byName.get(names) ?? new Set()).add(entry));
      for (const old of [...entries.values()]) if (entries.size > contentsKept && old.layers.size === 0) remove(old.content);
      for (const old of [...entries.values()]) if (entries.size > contentsKept) remove(old.content);
    },
    remove,
    has: (content) => entries.has(contentKey(content)),
    holds: (resource) => entries.has(resourceKey(resource)),
    all: () => [...entries.values()].map(({ content }) => content),
    wanted(layer) {
      const asked = [...entries.values()].filter(({ layers }) => (layer === undefined ? layers.size > 0 : layers.has(layer)));
      return asked.map(({ content }) => content);
    },
    get size() {
      return entries.size;
    },
  };
}
