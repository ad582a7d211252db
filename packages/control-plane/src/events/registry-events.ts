/** What changes in the registry: services and instances that come and go, and how Consul's checks stand. */
import { controlPlaneService, drainingReason, maintenanceCheckId } from "@legation/contract";
import type { RegistryHealth } from "@legation/contract/api";
import { addressOf, type CatalogService, type Check, type Instance, keyOf } from "@legation/mesh";
import { formatAddress, messageOf } from "@legation/runtime";
import type { CatalogEvent } from "../sources/catalog-event.js";
import type { Teller } from "./events.js";

/** See the file's sentence. */
export interface RegistryEvents {
  /** The last run's services: what differs from them has happened since. */
  restore(services: readonly CatalogService[]): void;
  take(event: CatalogEvent): void;
}

/** Characters of a check's output in an event, at most. */
const outputLength = 300;

/** Makes it. What it is shown before the registry has been read completely was there before, unless the last run knew it otherwise. */
export function createRegistryEvents(events: Teller): RegistryEvents {
  const known = new Map<string, CatalogService>();
  let complete = false;

  function take(next: CatalogService): void {
    const { name } = next;
    if (name === controlPlaneService) return;
    const before = known.get(name);
    known.set(name, next);
    const tell = before || complete ? events.tell : events.settle;
    if (!before) {
      const instances = next.instances.length;
      tell({ type: "service.registered", service: name, text: `${name} is registered`, details: { instances } });
    }
    const earlier = new Map(before?.instances.map((instance) => [keyOf(instance), instance]));
    for (const instance of next.instances) {
      const was = earlier.get(keyOf(instance));
      earlier.delete(keyOf(instance));
      if (was) changed(was, instance);
      else arrived(instance, tell);
    }
    for (const instance of earlier.values()) left(instance);
  }

  function arrived(instance: Instance, tell: Teller["tell"]): void {
    const { service } = instance;
    const { host, port } = addressOf(instance);
    const address = formatAddress(host, port);
    const { version, zone } = instance.meta;
    const details = { address, ...(version ? { version } : {}), ...(zone ? { zone } : {}) };
    tell({
      type: "instance.registered",
      service,
      instance: keyOf(instance),
      text: `${keyOf(instance)} is registered at ${address}`,
      details,
    });
    events.settle(healthEvent(undefined, instance));
  }

  function changed(was: Instance, instance: Instance): void {
    const { service } = instance;
    if (healthOf(was).health !== healthOf(instance).health) events.tell(healthEvent(was, instance));
    const fields = registered.filter((field) => JSON.stringify(was[field]) !== JSON.stringify(instance[field]));
    if (fields.length === 0) return;
    const text = `${keyOf(instance)} has another ${fields.join(", ")}`;
    events.tell({ type: "instance.changed", service, instance: keyOf(instance), text, details: { fields } });
  }

  function left(instance: Instance): void {
    const { service } = instance;
    events.tell({
      type: "instance.deregistered",
      service,
      instance: keyOf(instance),
      text: `${keyOf(instance)} is registered no more`,
      details: {},
    });
  }

  return {
    restore(services) {
      for (const service of services) {
        known.set(service.name, service);
        events.settle({ type: "service.registered", service: service.name, text: "", details: { instances: service.instances.length } });
        for (const instance of service.instances) arrived(instance, events.settle);
      }
    },
    take(event) {
      switch (event.kind) {
        case "service":
          return take(event.service);
        case "removed": {
          for (const instance of known.get(event.name)?.instances ?? []) left(instance);
          if (!known.delete(event.name)) return;
          return events.tell({
            ...{ type: "service.removed", severity: "warning", service: event.name },
            ...{ text: `${event.name} has no instance any more`, details: {} },
          });
        }
        case "complete":
          complete = true;
          return events.tell({
            type: "catalog.completed",
            text: "this control plane has read everything that Consul lists",
            details: { services: known.size },
          });
        case "lost": {
          const why = messageOf(event.error);
          return events.tell({
            type: "catalog.stale",
            severity: "error",
            text: `Consul does not answer this control plane: ${why}`,
            details: { why },
          });
        }
        case "restored":
          return events.tell({ type: "catalog.fresh", text: "Consul answers this control plane again", details: {} });
        case "alert": {
          const { kind, service, message } = event.alert;
          return events.tell({ type: `mass-loss.${kind}`, severity: "error", service, text: message, details: { why: message } });
        }
      }
    },
  };
}

const registered = ["address", "port", "mesh", "tags", "meta", "weights"] as const;

const severityOf = { passing: "info", draining: "info", maintenance: "warning", warning: "warning", critical: "error" } as const;

function healthEvent(was: Instance | undefined, instance: Instance) {
  const { health: to, checks } = healthOf(instance);
  const from = was && healthOf(was).health;
  const because = checks.length > 0 ? `: ${checks.map(({ name, id, output }) => said(name || id, output)).join("; ")}` : "";
  const shown = checks.map((check) => ({ ...check, output: check.output.slice(0, outputLength) }));
  return {
    ...{ type: "instance.health-changed" as const, severity: severityOf[to], service: instance.service, instance: keyOf(instance) },
    text: `${keyOf(instance)} is ${to}${from ? `, was ${from}` : ""}${because}`,
    details: { ...(from ? { from } : {}), to, checks: shown },
  };
}

function said(name: string, output: string): string {
  const line = output.split("\n")[0]?.trim().slice(0, outputLength);
  return line ? `${name} (${line})` : name;
}

/** How an instance stands, by the checks that decide it. */
function healthOf(instance: Instance): { readonly health: RegistryHealth; readonly checks: readonly Check[] } {
  const having = (status: Check["status"]) => instance.checks.filter((check) => check.status === status);
  const critical = having("critical");
  const maintenance = critical.filter(({ id }) => id === maintenanceCheckId(instance.id) || id === "_node_maintenance");
  if (maintenance.length > 0)
    return { health: maintenance.some(({ output }) => output.includes(drainingReason)) ? "draining" : "maintenance", checks: maintenance };
  if (critical.length > 0) return { health: "critical", checks: critical };
  const warning = having("warning");
  return warning.length > 0 ? { health: "warning", checks: warning } : { health: "passing", checks: [] };
}
