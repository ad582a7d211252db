/** Instances that said they leave before Consul shows it. */
import { instanceKey, leavingLimit, maintenanceCheckId, type RoutingNotice } from "@legation/contract";
import { type CatalogService, hasLapsed, type Instance } from "@legation/mesh";
import type { Clock, Timer } from "@legation/runtime";

/** What speaks for a notice, or against it, where Consul shows nothing of it. */
export interface LeavingEvidence {
  /** Consul answers now. */
  readonly consulAnswers: () => boolean;
  /** The agent of the instance with this key reports now, and not that it leaves. */
  readonly atWork: (instance: string) => boolean;
}

/**
 * An instance that passes in Consul for so long, while Consul answers, has somebody who sends its heartbeats: it does not leave. One whose
 * agent has ended while Consul was away passes until its TTL, three heartbeats, has run out. Milliseconds.
 */
export const leavingHold = 3_600_000;

/** The notices that still hold. */
export interface LeavingNotices {
  /**
   * Takes a notice for an instance that `service` has. It holds until Consul has shown that the instance leaves, or that it is gone. Where it
   * shows nothing for `leavingLimit`, `expired` is called once if the agent is at work after all, or after `leavingHold` in which Consul
   * answers. False when one held already.
   */
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
export function createLeavingNotices(
  clock: Clock,
  evidence: LeavingEvidence,
  expired: (service: string, instance: string) => void,
): LeavingNotices {
  const services = new Map<string, Map<string, Timer>>();

  const forget = (service: string, key: string) => {
    const notices = services.get(service);
    notices?.get(key)?.cancel();
    notices?.delete(key);
    if (notices?.size === 0) services.delete(service);
  };

  const hold = (service: string, key: string, answeredFor: number): void => {
    const timer = clock.timeout(leavingLimit, () => {
      const answered = evidence.consulAnswers() ? answeredFor + leavingLimit : 0;
      if (answered < leavingHold && !evidence.atWork(key)) return hold(service, key, answered);
      forget(service, key);
      expired(service, key);
    });
    const notices = services.get(service) ?? new Map<string, Timer>();
    services.set(service, notices.set(key, timer));
  };

  return {
    add({ service, node, id }) {
      const key = instanceKey(node, id);
      const held = services.get(service)?.has(key) ?? false;
      forget(service, key);
      hold(service, key, 0);
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

/** A lapsed check confirms nothing: after Consul was away, those of all instances have. */
function confirmed(instance: Instance): boolean {
  return instance.checks.some(
    (check) =>
      (check.status === "critical" && !hasLapsed(check)) ||
      check.id === maintenanceCheckId(instance.id) ||
      check.id === "_node_maintenance",
  );
}
