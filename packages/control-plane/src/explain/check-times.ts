/** Since when checks are as they are: Consul does not say it, so that this replica notes when it saw them change. */
import { type CatalogService, keyOf } from "@legation/mesh";
import type { Clock } from "@legation/runtime";

/** The times. One for each check in the registry that changed and does not pass; nothing of services that are gone. */
export interface CheckTimes {
  /** These services may be others now. */
  seen(services: readonly string[] | "identity"): void;
  /** The same, behind somebody else who wants to be told. */
  following(first: CheckTimes["seen"]): CheckTimes["seen"];
  /** RFC 3339; undefined for a check that is as it was when this replica first saw it. */
  since(instance: string, check: string): string | undefined;
}

/** Makes it. */
export function createCheckTimes(o: { readonly service: (name: string) => CatalogService | undefined; readonly clock: Clock }): CheckTimes {
  const known = new Map<string, CatalogService>();
  /** By service, then by instance and check. */
  const times = new Map<string, ReadonlyMap<string, string>>();
  const checksOf = ({ instances }: CatalogService) =>
    new Map(instances.flatMap((one) => one.checks.map(({ id, status }) => [`${keyOf(one)} ${id}`, status] as const)));

  const look = (name: string): void => {
    const now = o.service(name);
    const before = known.get(name);
    const noted = times.get(name);
    if (!now) {
      known.delete(name);
      times.delete(name);
      return;
    }
    known.set(name, now);
    const statuses = before ? checksOf(before) : undefined;
    const changed = [...checksOf(now)].flatMap(([key, status]): (readonly [string, string])[] => {
      if (status === "passing") return [];
      const since = statuses === undefined || statuses.get(key) === status ? noted?.get(key) : new Date(o.clock.now()).toISOString();
      return since === undefined ? [] : [[key, since]];
    });
    if (changed.length > 0) times.set(name, new Map(changed));
    else times.delete(name);
  };

  const seen: CheckTimes["seen"] = (services) => {
    if (services !== "identity") for (const name of services) look(name);
  };
  return {
    seen,
    following: (first) => (services) => {
      first(services);
      seen(services);
    },
    since(instance, check) {
      for (const [, noted] of times) {
        const since = noted.get(`${instance} ${check}`);
        if (since !== undefined) return since;
      }
      return undefined;
    },
  };
}
