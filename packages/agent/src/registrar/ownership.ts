/** Whose registration stands in Consul under this instance's id. Pure. */

import type { AgentService, Registration } from "@legation/consul";
import { agentCheckPrefix, meshAddressTag } from "@legation/contract";
import type { RegisteredCheck } from "./consul-agent.js";

/** The `Meta` key that names the agent which wrote a registration: `<uuid of its state directory>@<host name>`. */
export const ownerKey = "legation-agent";

/** The id of the check that the agent's heartbeat keeps alive. */
export function heartbeatCheckId(serviceId: string): string {
  return `${agentCheckPrefix}${serviceId}:heartbeat`;
}

/** The verdict on a registration. */
export type Ownership =
  | { readonly kind: "absent" | "mine" }
  /** Left behind by an agent that is gone, or written by no agent: to be taken over. */
  | { readonly kind: "stale"; readonly why: string }
  /** Written by another agent that may well live: not to be fought over. */
  | { readonly kind: "foreign"; readonly owner: string; readonly address: string };

/**
 * Judges the registration under our id. Another agent's registration counts as left behind when its heartbeat has lapsed, or when it came
 * from this host and names the very address that this instance holds now.
 */
export function ownershipOf(existing: AgentService | undefined, checks: readonly RegisteredCheck[], mine: Registration): Ownership {
  if (!existing) return { kind: "absent" };
  const owner = existing.Meta?.[ownerKey];
  const me = mine.Meta?.[ownerKey];
  if (owner === undefined) return { kind: "stale", why: "it was not written by an agent" };
  if (owner === me) return { kind: "mine" };
  const heartbeat = checks.find((check) => check.id === heartbeatCheckId(mine.ID));
  if (!heartbeat) return { kind: "stale", why: "it has no heartbeat" };
  if (heartbeat.status === "critical") return { kind: "stale", why: "its heartbeat has lapsed" };
  if (hostOf(owner) === hostOf(me) && addressOf(existing) === addressOf(mine))
    return { kind: "stale", why: "it names the address that this agent holds" };
  return { kind: "foreign", owner: hostOf(owner), address: `${existing.Address}:${existing.Port}` };
}

function hostOf(owner: string | undefined): string {
  return owner?.slice(owner.indexOf("@") + 1) ?? "";
}

/** Envoy's address where there is an Envoy: the other one changes with what the instance takes of TLS. */
function addressOf(service: Pick<Registration, "Address" | "Port" | "TaggedAddresses">): string {
  const { Address, Port } = service.TaggedAddresses?.[meshAddressTag] ?? service;
  return `${Address}:${Port}`;
}

/** Names the fields in which Consul's registration differs from the wanted one; empty when it is as it should be. */
export function differences(existing: AgentService, wanted: Registration): string[] {
  const mesh = (service: Pick<Registration, "TaggedAddresses">): string => {
    const address = service.TaggedAddresses?.[meshAddressTag];
    return address ? `${address.Address}:${address.Port}` : "";
  };
  const pairs: readonly [string, unknown, unknown][] = [
    ["Service", existing.Service, wanted.Name],
    ["Address", existing.Address, wanted.Address],
    ["Port", existing.Port, wanted.Port],
    ["Tags", existing.Tags ?? [], wanted.Tags ?? []],
    ["Meta", sorted(existing.Meta ?? {}), sorted(wanted.Meta ?? {})],
    ["TaggedAddresses.mesh", mesh(existing), mesh(wanted)],
    ["Weights", existing.Weights.Passing, wanted.Weights?.Passing ?? 1],
    ["Weights", existing.Weights.Warning, wanted.Weights?.Warning ?? 1],
  ];
  return [...new Set(pairs.filter(([, a, b]) => JSON.stringify(a) !== JSON.stringify(b)).map(([name]) => name))];
}

function sorted(record: Readonly<Record<string, string>>): readonly (readonly [string, string])[] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}
