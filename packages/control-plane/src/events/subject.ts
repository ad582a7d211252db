/** What an event is about and what it says of that: whoever says of the same subject what was said last says nothing new. Pure. */
import type { MeshEvent } from "@legation/contract/api";
import type { ToldEvent } from "./told-event.js";

/** A subject and how it stands by the event. */
export interface Standing {
  readonly subject: string;
  readonly state: string;
}

/** Events of one subject that are equal within this time are one; milliseconds. For what has no state to return from. */
export const sameWithin = 60_000;

/**
 * The subject of an event that was told at `time` (milliseconds since the epoch) by the run `origin` of a control plane. What all control planes
 * see by themselves has a subject without a control plane in it, and so is told once; what one of them sees of itself has its own.
 */
export function standingOf(event: ToldEvent | MeshEvent, time: number, origin: string): Standing {
  const { type, service = "", instance = "" } = event;
  const moment = String(Math.floor(time / sameWithin));
  switch (event.type) {
    case "service.registered":
    case "service.removed":
      return { subject: `service ${service}`, state: type };
    case "instance.registered":
    case "instance.deregistered":
      return { subject: `instance ${service} ${instance}`, state: type };
    case "instance.changed":
      return { subject: `registration ${service} ${instance}`, state: `${event.text} ${moment}` };
    case "instance.health-changed":
      return { subject: healthOf(service, instance), state: event.details.to };
    case "instance.state-changed":
      return { subject: `state ${service} ${instance}`, state: event.details.to };
    case "instance.level-changed":
      return { subject: `level ${service} ${instance}`, state: event.details.to };
    case "instance.restarted":
      return { subject: `restarts ${service} ${instance}`, state: event.details.at };
    case "instance.draining":
    case "instance.returned":
    case "instance.leaving-expired":
      return { subject: leavingOf(service, instance), state: type };
    case "agent.connected":
      return { subject: `agent ${instance}`, state: `connected ${origin}` };
    case "agent.silent":
      return { subject: `agent ${instance}`, state: type };
    case "breaker.opened":
    case "breaker.half-opened":
    case "breaker.closed":
      return { subject: `breaker ${service} ${instance}`, state: type };
    case "mass-loss.held":
    case "mass-loss.released":
      return { subject: `mass-loss ${service}`, state: `${event.text} ${moment}` };
    case "intention.changed":
      return { subject: "intentions", state: `${event.text} ${moment}` };
    case "policy.applied":
      return { subject: "policies", state: event.details.bundle };
    case "policy.refused":
      return { subject: "policy problem", state: `${event.details.bundle ?? ""} ${event.details.why}` };
    case "policy.recovered":
      return { subject: "policy problem", state: type };
    case "policy.quarantined":
    case "policy.released":
      return { subject: `quarantine ${service} ${event.details.resource}`, state: type };
    case "canary.started":
    case "canary.promoted":
    case "canary.withdrawn":
      return { subject: "canary", state: `${type} ${event.details.bundle}` };
    case "proxy.connected":
    case "proxy.disconnected":
      return { subject: `proxy ${instance} ${origin}`, state: type };
    case "proxy.rejected":
      return { subject: `rejected ${instance} ${event.details.resourceType}`, state: `${event.text} ${moment}` };
    case "replica.joined":
    case "replica.left":
      return { subject: `replica ${event.details.name}`, state: type };
    case "certificate.renewed":
      return { subject: `certificate ${origin}`, state: event.details.until };
    case "certificate.expiring":
      return { subject: `certificate ${origin} ${event.details.subject}`, state: moment };
    case "certificate.roots-changed":
      return { subject: "roots", state: event.details.roots.join(" ") };
    case "security.reported":
      return { subject: `security ${event.details.kind} ${event.details.subject}`, state: moment };
    case "catalog.completed":
    case "catalog.stale":
    case "catalog.fresh":
      return { subject: `catalog ${origin}`, state: type };
  }
}

/** The subjects of which an event says that they are as if nothing had been said: what comes next of them is news. */
export function forgottenBy(event: MeshEvent): readonly string[] {
  const { service = "", instance = "" } = event;
  if (event.type === "instance.deregistered") return [healthOf(service, instance), leavingOf(service, instance)];
  // A notice of leaving that Consul has overtaken is not taken back by anybody.
  if (event.type === "instance.health-changed" && event.details.to !== "draining") return [leavingOf(service, instance)];
  return [];
}

function healthOf(service: string, instance: string): string {
  return `health ${service} ${instance}`;
}

function leavingOf(service: string, instance: string): string {
  return `leaving ${service} ${instance}`;
}
