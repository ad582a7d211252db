/** The compiled services: their clusters and endpoints, kept up to date one service at a time. */
import {
  type Callee,
  type CalleeIdentity,
  type CatalogService,
  type CompiledService,
  calleeOf,
  compileService,
  endpointsLayer,
  type MeshResource,
  type Problem,
  type TrafficPolicies,
} from "@legation/mesh";
import { type Clock, type Logger, messageOf } from "@legation/runtime";
import type { ResourceCache } from "@legation/xds";
import type { Metrics } from "../telemetry/metrics.js";
import { createRegionalEndpoints } from "./regional-endpoints.js";

/** The compiled services. */
export interface CompiledServices {
  /**
   * Compiles these services anew and publishes the assignments that differ, in one step. Returns which these were, and the names of
   * those that callers have to be compiled again for: another cluster, or another `callee`. A service that cannot be compiled keeps what it
   * had, with a problem that says so.
   */
  compile(names: Iterable<string>): { readonly taken: readonly string[]; readonly reshaped: ReadonlySet<string> };
  /** A service's resources for a caller; one that is not registered has a cluster and no endpoints. Pay back with `release`. */
  acquire(name: string): CompiledService;
  /** Gives back one `acquire`; what neither the registry nor a caller needs is removed. */
  release(name: string): void;
  /** A service as its callers are to know it: as it was compiled last, so that nobody is ahead of it. */
  callee(name: string): Callee;
  /** A caller in a region is there, so that what it has for services in several regions is published. Pay back with `closeRegion`. */
  openRegion(region: string): void;
  closeRegion(region: string): void;
  /** True while a caller has acquired it. */
  isClaimed(name: string): boolean;
  /** A service that is registered or acquired. */
  get(name: string): CompiledService | undefined;
  /** The names of all these. */
  names(): Iterable<string>;
  problems(name: string): readonly Problem[];
}

/** All that a caller's own resources depend on. */
const shapeOf = ({ cluster, mutualCluster, callee }: CompiledService) =>
  `${cluster.version} ${mutualCluster?.version ?? ""} ${callee.outline}`;

/** The versions of a service's endpoints that its callers may be given now: what all have, and what callers in a region have. */
export function assignmentsOf({ endpoints, regional }: CompiledService): readonly string[] {
  const variants = [...(regional?.from.values() ?? []), ...(regional?.elsewhere ? [regional.elsewhere] : [])];
  return [endpoints, ...variants].map(({ version }) => version);
}
/** All that is published of where a service's endpoints are. */
const placesOf = (compiled: CompiledService) =>
  JSON.stringify([
    assignmentsOf(compiled),
    [...(compiled.regional?.from.keys() ?? [])],
    compiled.zones.map(({ name, version }) => [name, version]),
  ]);
const sharedOf = ({ endpoints, zones }: CompiledService) => [endpoints, ...zones];

/** Makes an empty collection over `catalog`, `identity` and `traffic`, and the cache's layer of endpoints. */
export function createCompiledServices(o: {
  readonly catalog: (name: string) => CatalogService | undefined;
  readonly identity: (name: string) => CalleeIdentity;
  readonly cache: ResourceCache;
  readonly traffic: () => TrafficPolicies;
  readonly metrics: Pick<Metrics, "compiled">;
  readonly clock: Clock;
  readonly log: Logger;
}): CompiledServices {
  const entries = new Map<string, CompiledService>();
  const claims = new Map<string, number>();
  const regional = createRegionalEndpoints(o.cache);
  o.cache.patch(endpointsLayer, {});

  const known = (name: string): CatalogService => o.catalog(name) ?? { name, instances: [] };

  function compileOne(name: string): CompiledService {
    const start = o.clock.monotonic();
    const compiled = compileOrKeep(known(name));
    o.metrics.compiled("service", (o.clock.monotonic() - start) / 1_000);
    entries.set(name, compiled);
    return compiled;
  }

  function compileOrKeep(service: CatalogService): CompiledService {
    const { name } = service;
    try {
      return compileService(service, o.traffic(), o.identity(name));
    } catch (error) {
      const message = `cannot be compiled and stays as it was: ${messageOf(error)}`;
      const before = entries.get(name) ?? compileService({ name, instances: [] }, o.traffic(), o.identity(name));
      if (!before.problems.some((problem) => problem.message === message))
        o.log.error({ event: "service.uncompilable", service: name, err: error }, `${name} ${message}`);
      return { ...before, problems: [{ code: "service-uncompilable", service: name, message }] };
    }
  }

  /** A caller whose region has an order of its own comes to it, and from it, in one step: never by way of what all others have. */
  const publish = (set: readonly CompiledService[], gone: readonly CompiledService[], left: readonly MeshResource[] = []) => {
    if (set.length === 0 && gone.length === 0) return;
    regional.set(set);
    o.cache.patch(endpointsLayer, { set: set.flatMap(sharedOf), remove: [...gone.flatMap(sharedOf), ...left] });
    regional.remove(set, gone);
  };

  return {
    compile(names) {
      const reshaped = new Set<string>();
      const set: CompiledService[] = [];
      const gone: CompiledService[] = [];
      const left: MeshResource[] = [];
      const taken: string[] = [];
      for (const name of names) {
        taken.push(name);
        const old = entries.get(name);
        if (o.catalog(name) || claims.has(name)) {
          const compiled = compileOne(name);
          if (!old || placesOf(compiled) !== placesOf(old)) set.push(compiled);
          const regions = new Set(compiled.zones.map((zone) => zone.name));
          left.push(...(old?.zones ?? []).filter((zone) => !regions.has(zone.name)));
          if (!old || shapeOf(compiled) !== shapeOf(old)) reshaped.add(name);
        } else if (old) {
          entries.delete(name);
          gone.push(old);
        }
      }
      publish(set, gone, left);
      return { taken, reshaped };
    },
    acquire(name) {
      claims.set(name, (claims.get(name) ?? 0) + 1);
      const known = entries.get(name);
      if (known) return known;
      const compiled = compileOne(name);
      publish([compiled], []);
      return compiled;
    },
    release(name) {
      const left = (claims.get(name) ?? 0) - 1;
      if (left > 0) return void claims.set(name, left);
      claims.delete(name);
      const old = entries.get(name);
      if (!old || o.catalog(name)) return;
      entries.delete(name);
      publish([], [old]);
    },
    callee: (name) => entries.get(name)?.callee ?? calleeOf(known(name), o.traffic(), o.identity(name).mode),
    openRegion: (region) => regional.open(region, entries.values()),
    closeRegion: regional.close,
    isClaimed: (name) => claims.has(name),
    get: (name) => entries.get(name),
    names: () => entries.keys(),
    problems: (name) => entries.get(name)?.problems ?? [],
  };
}
