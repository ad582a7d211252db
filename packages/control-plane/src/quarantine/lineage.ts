/** What each resource took the place of: the last content that proxies had without refusing it, and the policies of that time. */
import type { PolicySet } from "@legation/mesh/policy";
import type { Resource } from "@legation/xds";

/** What was in force before a resource. */
export interface Ancestor {
  readonly good: Resource;
  /** The policies under which it was in force last. */
  readonly policies: PolicySet;
}

/** The record; forgets a resource with its last user. */
export interface Lineage {
  /** The policies from now on; `before` those that everything in force was compiled by. */
  setPolicies(before: PolicySet, now: PolicySet): void;
  /** A resource is given under its name in place of another. */
  replaced(before: Resource | undefined, next: Resource): void;
  /** A proxy took them. */
  accept(resources: readonly Resource[]): void;
  /** A proxy took exactly this object's content. */
  isAccepted(resource: Resource): boolean;
  /** `refuse` was called for this object. */
  isRefused(resource: Resource): boolean;
  /** No proxy is to be given it as a good one any more. */
  refuse(resource: Resource): void;
  /** Undefined when nothing came before it that is not refused as well. */
  ancestor(resource: Resource): Ancestor | undefined;
}

/** Makes an empty record. */
export function createLineage(policies: PolicySet): Lineage {
  let before = policies;
  let now = policies;
  const accepted = new WeakSet<Resource>();
  const refused = new WeakSet<Resource>();
  const acceptedLists = new WeakSet<readonly Resource[]>();
  const born = new WeakMap<Resource, PolicySet>();
  const ancestors = new WeakMap<Resource, Ancestor>();

  return {
    setPolicies(settled, next) {
      before = settled;
      now = next;
    },
    replaced(old, next) {
      if (!born.has(next)) born.set(next, now);
      if (!old || old === next || accepted.has(next) || ancestors.has(next)) return;
      const earlier = ancestors.get(old);
      if (refused.has(old) || (!accepted.has(old) && earlier)) {
        if (earlier) ancestors.set(next, earlier);
      } else ancestors.set(next, { good: old, policies: born.get(old) === now ? now : before });
    },
    accept(resources) {
      // Many streams are sent one and the same list.
      if (resources.length > 1) {
        if (acceptedLists.has(resources)) return;
        acceptedLists.add(resources);
      }
      for (const resource of resources) {
        if (accepted.has(resource)) continue;
        accepted.add(resource);
        ancestors.delete(resource);
      }
    },
    isAccepted: (resource) => accepted.has(resource),
    isRefused: (resource) => refused.has(resource),
    refuse: (resource) => void refused.add(resource),
    ancestor(resource) {
      const found = ancestors.get(resource);
      return found && !refused.has(found.good) ? found : undefined;
    },
  };
}
