/** What is known of all services, and which of them a node or a check touches. No I/O, no time. */
import type { Instance } from "@legation/mesh";
import type { CheckRow, Registered } from "./consul-rows.js";
import { instanceOf, instancesOf, restoredService, type ServiceState, withChecks, withoutIndex, withReading } from "./service-state.js";

/** All services. */
export interface CatalogState {
  /** Consul's index of the last reading of a service; 0 when it is to be read whatever its index; undefined when it is not known. */
  indexOf(name: string): number | undefined;
  names(): Iterable<string>;
  readonly size: number;
  instances(name: string): readonly Instance[];
  /** Names of the services that have an instance on a node. */
  on(node: string): Iterable<string>;
  /** Takes a whole reading of a service; without instances the service is forgotten. */
  read(name: string, index: number, instances: readonly Registered[]): void;
  /**
   * Takes rows of checks that do not pass. `changed` are services that now stand otherwise; `unknown` are services whose rows speak of
   * an instance that no reading has shown yet.
   */
  failing(rows: readonly CheckRow[]): { readonly changed: ReadonlySet<string>; readonly unknown: ReadonlySet<string> };
  /** Consul's indexes have started over: what is known stays, and any reading is newer than it. */
  forgetIndexes(): void;
}

/** Makes the state, with what is known from an earlier life. */
export function createCatalogState(known: Iterable<{ readonly name: string; readonly instances: readonly Instance[] }> = []): CatalogState {
  const services = new Map<string, ServiceState>();
  const nodes = new Map<string, Set<string>>();

  function store(state: ServiceState): void {
    const before = services.get(state.name);
    if (before?.instances !== state.instances) {
      for (const { node } of before?.instances ?? []) nodes.get(node)?.delete(state.name);
      for (const { node } of state.instances) nodes.set(node, (nodes.get(node) ?? new Set()).add(state.name));
    }
    if (state.instances.length > 0) services.set(state.name, state);
    else services.delete(state.name);
  }

  for (const { name, instances } of known) store(restoredService(name, instances));

  return {
    indexOf: (name) => services.get(name)?.index,
    names: () => services.keys(),
    get size() {
      return services.size;
    },
    instances(name) {
      const state = services.get(name);
      return state ? instancesOf(state) : [];
    },
    on: (node) => nodes.get(node) ?? [],
    read(name, index, instances) {
      store(withReading(services.get(name), name, index, instances));
    },
    failing(rows) {
      const changed = new Set<string>();
      const unknown = new Set<string>();
      const touched = new Map<string, CheckRow[]>();
      for (const row of rows) {
        const names = row.serviceId === "" ? (nodes.get(row.node) ?? []) : [row.service];
        for (const name of names) {
          const own = touched.get(name);
          if (own) own.push(row);
          else touched.set(name, [row]);
        }
      }
      for (const [name, own] of touched) {
        const state = services.get(name);
        const present = new Set(state?.instances.map((instance) => instanceOf(instance.node, instance.id)));
        if (own.some((row) => row.serviceId !== "" && !present.has(instanceOf(row.node, row.serviceId)))) unknown.add(name);
        if (!state) continue;
        const next = withChecks(state, own);
        if (next === state) continue;
        services.set(name, next);
        changed.add(name);
      }
      return { changed, unknown };
    },
    forgetIndexes() {
      for (const [name, state] of services) services.set(name, withoutIndex(state));
    },
  };
}
