/** Instances that said they leave before Consul shows it. */
import { instanceKey, leavingLimit, maintenanceCheckId, type RoutingNotice } from "@legation/contract";
import type { CatalogService, Instance } from "@legation/mesh";
import type { Clock } from "@legation/runtime";

/** The notices that still hold. */
export interface LeavingNotices {
  /** Takes a notice for an instance that `service` has; `expired` is called once if Consul never confirms it. False when one held already. */
  add(notice: RoutingNotice): boolean;
  /** Takes a notice back: the instance serves again. False when there was none. */
  withdraw(notice: RoutingNotice): boolean;
  /** The service with `leaving: true` on the instances that said so. Forgets notices that Consul has overtaken: maintenance, critical, gone. */
  apply(service: CatalogService): CatalogService;
  readonly size: number;
  /** Ends all timers. */
  stop(): void;
}

/** Makes an empty collection. `expired` names the service and the instance whose notice ran out. */
export function createLeavingNotices(clock: Clock, expired: (service: string, instance: string) => void): LeavingNotices {
  const services = new Map<string, Map<string, { cancel(): void }>>();

  const forget = (service: string, key: string) => {
    const notices = services.get(service);
    notices?.get(key)?.cancel();
    notices?.delete(key);
    if (notices?.size === 0) services.delete(service);
  };

  return {
    add({ service, node, id }) {
      const key = instanceKey(node, id);
      const held = services.get(service)?.has(key) ?? false;
      forget(service, key);
      const timer = clock.timeout(leavingLimit, () => {
        forget(service, key);
        expired(service, key);
      });
      const notices = services.get(service) ?? new Map();
      services.set(service, notices.set(key, timer));
      return !held;
    },
    withdraw({ service, node, id }) {
      const key = instanceKey(node, id);
      const held = services.get(service)?.has(key) ?? false;
      forget(service, key);
      return held;
    },
    apply(service) {
      const notices = services.get(service.name);
      if (!notices) return service;
      const present = new Map(service.instances.map((instance) => [instanceKey(instance.node, instance.id), instance]));
      for (const key of [...notices.keys()]) {
        const instance = present.get(key);
        if (!instance || confirmed(instance)) forget(service.name, key);
      }
      if (!services.has(service.name)) return service;
      const instances = service.instances.map((instance) =>
        notices.has(instanceKey(instance.node, instance.id)) ? { ...instance, leaving: true } : instance,
      );
      return { ...service, instances };
    },
    get size() {
      let size = 0;
      for (const notices of services.values()) size += notices.size;
      return size;
    },
    stop() {
      for (const [service, notices] of services) for (const key of [...notices.keys()]) forget(service, key);
    },
  };
}

function confirmed(instance: Instance): boolean {
  return instance.checks.some(
    (check) => check.status === "critical" || check.id === maintenanceCheckId(instance.id) || check.id === "_node_maintenance",
  );
}
