/** The layers that hold services' endpoints in the order of regions: one for each region that has a caller here. */
import { type CompiledService, endpointsFrom, type MeshResource, regionalLayer } from "@legation/mesh";
import type { ResourceCache } from "@legation/xds";

/** The layers. A service that callers in a region have like all others is in none. */
export interface RegionalEndpoints {
  /** A caller in a region is there: its layer is filled from all services. Pay back with `close`. */
  open(region: string, services: Iterable<CompiledService>): void;
  close(region: string): void;
  /** Publishes what these services have anew for a region. */
  set(services: readonly CompiledService[]): void;
  /** Takes away what services have no more for a region: all of those that are `gone`. */
  remove(services: readonly CompiledService[], gone: readonly CompiledService[]): void;
}

interface Region {
  users: number;
  /** By the name of the service. */
  readonly held: Map<string, MeshResource>;
}

/** Makes it without any region. */
export function createRegionalEndpoints(cache: ResourceCache): RegionalEndpoints {
  const regions = new Map<string, Region>();

  function publish(name: string, { held }: Region, services: Iterable<CompiledService>): void {
    const set: MeshResource[] = [];
    for (const service of services) {
      const endpoints = endpointsFrom(service, name);
      if (!endpoints || held.get(endpoints.name)?.version === endpoints.version) continue;
      held.set(endpoints.name, endpoints);
      set.push(endpoints);
    }
    if (set.length > 0) cache.patch(regionalLayer(name), { set });
  }

  return {
    open(name, services) {
      if (name === "") return;
      const region = regions.get(name);
      if (region) return void region.users++;
      const opened: Region = { users: 1, held: new Map() };
      regions.set(name, opened);
      publish(name, opened, services);
    },
    close(name) {
      const region = regions.get(name);
      if (!region) return;
      region.users--;
      if (region.users > 0) return;
      regions.delete(name);
      cache.drop(regionalLayer(name));
    },
    set(services) {
      for (const [name, region] of regions) publish(name, region, services);
    },
    remove(services, gone) {
      for (const [name, { held }] of regions) {
        const left = [...services.filter((service) => !endpointsFrom(service, name)), ...gone];
        const remove = left.flatMap((service) => held.get(service.endpoints.name) ?? []);
        for (const { name: service } of remove) held.delete(service);
        if (remove.length > 0) cache.patch(regionalLayer(name), { remove });
      }
    },
  };
}
