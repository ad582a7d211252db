/** How all services stand: the registry and the agents' reports of all control planes, put together. Pure. */
import { instanceKey } from "@legation/contract";
import { type CatalogService, type Endpoint, endpointsOf, type Instance, keyOf, type Omission } from "@legation/mesh";
import { type InstanceStatus, statusOf } from "./instance-status.js";
import { type ServiceStatus, serviceStatusOf } from "./service-status.js";
import type { SharedReports } from "./shared-reports.js";

/** What the whole is made from. */
export interface MeshSources {
  /** In the order of their names. */
  readonly services: readonly CatalogService[];
  readonly reports: Pick<SharedReports, "of" | "keys">;
  /** Everything that Consul lists has been read once. */
  readonly initialized: boolean;
}

/** How the mesh stands. */
export interface MeshStatus {
  /** By name, in the order of names: those of the registry, and those of which only agents tell. */
  readonly services: ReadonlyMap<string, ServiceStatus>;
  readonly initialized: boolean;
  /** Initialized, and every critical service has a healthy instance. */
  readonly ready: boolean;
}

/** Puts it together; what has not changed since `before` is the same object in both. */
export function meshStatusOf({ services, reports, initialized }: MeshSources, before?: MeshStatus): MeshStatus {
  const found = new Map<string, InstanceStatus[]>();
  const registered = new Set<string>();
  const add = (status: InstanceStatus | undefined): void => {
    if (!status) return;
    const others = found.get(status.service);
    if (others) others.push(status);
    else found.set(status.service, [status]);
  };
  for (const service of services) {
    const endpoints = endpointsIn(service);
    const last = new Map(before?.services.get(service.name)?.instances.map((status) => [status.instance, status]));
    for (const instance of service.instances) {
      registered.add(keyOf(instance));
      add(instanceStatusOf(instance, endpoints.get(instance), reports, last.get(instance)));
    }
  }
  for (const key of reports.keys()) if (!registered.has(key)) add(unregistered(key, reports));
  const names = new Set([...services.map(({ name }) => name), ...found.keys()]);
  const sorted = [...names].sort().map((name) => serviceStatusOf(name, (found.get(name) ?? []).sort(byKey), before?.services.get(name)));
  return {
    services: new Map(sorted.map((status) => [status.name, status])),
    initialized,
    ready: initialized && sorted.every(({ isCritical, healthy }) => !isCritical || healthy > 0),
  };
}

function instanceStatusOf(
  instance: Instance,
  endpoint: Endpoint | Omission | undefined,
  reports: Pick<SharedReports, "of">,
  last: InstanceStatus | undefined,
): InstanceStatus | undefined {
  const report = reports.of(keyOf(instance));
  // Whoever may speak for another service may have taken the instance's key before it was registered.
  const own = report?.report.service === instance.service ? report : undefined;
  if (last && last.endpoint === endpoint && last.report?.report === own?.report && last.report?.silent === own?.silent) return last;
  return statusOf({ ...(endpoint ? { registered: { instance, endpoint } } : {}), ...(own ? { report: own } : {}) });
}

function unregistered(key: string, reports: Pick<SharedReports, "of">): InstanceStatus | undefined {
  const report = reports.of(key);
  return report && statusOf({ report });
}

function byKey(a: InstanceStatus, b: InstanceStatus): number {
  return instanceKey(a.node, a.id) < instanceKey(b.node, b.id) ? -1 : 1;
}

/** A service is the same object as long as nothing of it changes; with ten thousand instances most of them do not from one second to the next. */
const known = new WeakMap<CatalogService, ReadonlyMap<Instance, Endpoint | Omission>>();

function endpointsIn(service: CatalogService): ReadonlyMap<Instance, Endpoint | Omission> {
  let endpoints = known.get(service);
  if (!endpoints) {
    endpoints = endpointsOf(service);
    known.set(service, endpoints);
  }
  return endpoints;
}
