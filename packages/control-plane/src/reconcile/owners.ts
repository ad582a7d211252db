/** Which service each instance of the registry is of. */
import { instanceKey } from "@legation/contract";
import type { CatalogService } from "@legation/mesh";

/** The index. */
export interface Owners {
  /** Takes what a service is now in place of what it was. */
  set(before: CatalogService | undefined, now: CatalogService | undefined): void;
  /** By `<Consul node>/<service id>`; undefined for an instance that the registry does not have. */
  of(instance: string): string | undefined;
}

/** Makes an empty index. */
export function createOwners(): Owners {
  const owners = new Map<string, string>();
  return {
    set(before, now) {
      for (const { node, id } of before?.instances ?? []) {
        const key = instanceKey(node, id);
        // An instance that has moved to another service, which came first, stays there.
        if (owners.get(key) === before?.name) owners.delete(key);
      }
      for (const { node, id } of now?.instances ?? []) owners.set(instanceKey(node, id), now?.name ?? "");
    },
    of: (instance) => owners.get(instance),
  };
}
