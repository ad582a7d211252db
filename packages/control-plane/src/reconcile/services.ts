/** The compiled services: their clusters and endpoints, kept up to date one service at a time. */
import {
  type CalleeIdentity,
  type CatalogService,
  type CompiledService,
  compileService,
  endpointsLayer,
  type MeshDefaults,
  type Problem,
  protocolOf,
} from "@legation/mesh";
import { type Clock, type Logger, messageOf } from "@legation/runtime";
import type { ResourceCache } from "@legation/xds";
import type { Metrics } from "../telemetry/metrics.js";

/** The compiled services. */
export interface CompiledServices {
  /**
   * Compiles these services anew and publishes the assignments that differ, in one step. Returns which these were, and the names of
   * those that callers have to be compiled again for: another cluster, protocol or mode, the first instance, the last one gone, or a
   * caller that is ahead of it (`lookedAt`). A service that cannot be compiled keeps what it had, with a problem that says so.
   */
  compile(names: Iterable<string>): { readonly taken: readonly string[]; readonly reshaped: ReadonlySet<string> };
  /** A service's resources for a caller; one that is not registered has a cluster and no endpoints. Pay back with `release`. */
  acquire(name: string): CompiledService;
  /** Gives back one `acquire`; what neither the registry nor a caller needs is removed. */
  release(name: string): void;
  /**
   * Says that a caller was compiled by what is known of these services now. Where that is not what a service itself was compiled from, the
   * caller is ahead of it: `compile` has callers compiled again then, even if all is by then as it was before.
   */
  lookedAt(names: Iterable<string>): void;
  /** True while a caller has acquired it. */
  isClaimed(name: string): boolean;
  /** A service that is registered or acquired. */
  get(name: string): CompiledService | undefined;
  /** The names of all these. */
  names(): Iterable<string>;
  problems(name: string): readonly Problem[];
}

interface Entry {
  /** What it was compiled from. */
  readonly service: CatalogService;
  readonly compiled: CompiledService;
  readonly outline: string;
  readonly strict: boolean;
  /** A caller was compiled since by another outline or mode. */
  overtaken: boolean;
}

/** What of a service's instances its callers look at. */
const outlineOf = ({ instances }: CatalogService) => `${instances.length > 0} ${protocolOf(instances).protocol}`;

/** All that a caller's own resources depend on. */
const shapeOf = ({ compiled: { cluster, mutualCluster }, outline, strict }: Entry) =>
  `${cluster.version} ${mutualCluster?.version ?? ""} ${outline} ${strict}`;

/** Makes an empty collection over `catalog` and `identity`, and the cache's layer of endpoints. */
export function createCompiledServices(o: {
  readonly catalog: (name: string) => CatalogService | undefined;
  readonly identity: (name: string) => CalleeIdentity;
  readonly cache: ResourceCache;
  readonly defaults: MeshDefaults;
  readonly metrics: Pick<Metrics, "compiled">;
  readonly clock: Clock;
  readonly log: Logger;
}): CompiledServices {
  const entries = new Map<string, Entry>();
  const claims = new Map<string, number>();
  o.cache.patch(endpointsLayer, {});

  const known = (name: string): CatalogService => o.catalog(name) ?? { name, instances: [] };
  const isStrict = (name: string) => o.identity(name).mode === "strict";

  function compileOne(name: string): Entry {
    const start = o.clock.monotonic();
    const service = known(name);
    const seen = { outline: outlineOf(service), strict: isStrict(name) };
    const entry: Entry = { service, compiled: compileOrKeep(service), ...seen, overtaken: false };
    o.metrics.compiled("service", (o.clock.monotonic() - start) / 1_000);
    entries.set(name, entry);
    return entry;
  }

  function compileOrKeep(service: CatalogService): CompiledService {
    const { name } = service;
    try {
      return compileService(service, o.defaults, o.identity(name));
    } catch (error) {
      const message = `cannot be compiled and stays as it was: ${messageOf(error)}`;
      const before = entries.get(name)?.compiled ?? compileService({ name, instances: [] }, o.defaults, o.identity(name));
      if (!before.problems.some((problem) => problem.message === message))
        o.log.error({ event: "service.uncompilable", service: name, err: error }, `${name} ${message}`);
      return { ...before, problems: [{ code: "service-uncompilable", service: name, message }] };
    }
  }

  const publish = (set: readonly CompiledService[], gone: readonly CompiledService[]) => {
    if (set.length === 0 && gone.length === 0) return;
    o.cache.patch(endpointsLayer, { set: set.map((s) => s.endpoints), remove: gone.map((s) => s.endpoints) });
  };

  return {
    compile(names) {
      const reshaped = new Set<string>();
      const set: CompiledService[] = [];
      const gone: CompiledService[] = [];
      const taken: string[] = [];
      for (const name of names) {
        taken.push(name);
        const old = entries.get(name);
        if (o.catalog(name) || claims.has(name)) {
          const entry = compileOne(name);
          const { compiled } = entry;
          if (compiled.endpoints.version !== old?.compiled.endpoints.version) set.push(compiled);
          if (!old || old.overtaken || shapeOf(entry) !== shapeOf(old)) reshaped.add(name);
        } else if (old) {
          entries.delete(name);
          gone.push(old.compiled);
        }
      }
      publish(set, gone);
      return { taken, reshaped };
    },
    acquire(name) {
      claims.set(name, (claims.get(name) ?? 0) + 1);
      const known = entries.get(name);
      if (known) return known.compiled;
      const { compiled } = compileOne(name);
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
      publish([], [old.compiled]);
    },
    lookedAt(names) {
      for (const name of names) {
        const entry = entries.get(name);
        if (!entry) continue;
        const service = known(name);
        const same = isStrict(name) === entry.strict && (service === entry.service || outlineOf(service) === entry.outline);
        if (!same) entry.overtaken = true;
      }
    },
    isClaimed: (name) => claims.has(name),
    get: (name) => entries.get(name)?.compiled,
    names: () => entries.keys(),
    problems: (name) => entries.get(name)?.compiled.problems ?? [],
  };
}
