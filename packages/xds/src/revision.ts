/** In which order resources came into caches: what tells whether a client is past a version. */
import type { Resource } from "./resource.js";

const revisions = new WeakMap<Resource, number>();
let last = 0;

/** Records that the resource is the newest of its name now. */
export function stampRevision(resource: Resource): void {
  revisions.set(resource, ++last);
}

/** The order in which the resource came into a cache; 0 for one that is in none. */
export function revisionOf(resource: Resource): number {
  return revisions.get(resource) ?? 0;
}

/** The revision of the newest resource. */
export function newestRevision(): number {
  return last;
}
