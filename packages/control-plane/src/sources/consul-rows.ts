/** The rows of Consul's answers, read into typed values. Throws ConsulError `consul.bad-answer` for what is none. */
import { ConsulError } from "@legation/consul";
import { meshAddressTag } from "@legation/contract";
import type { Check, CheckStatus, Instance } from "@legation/mesh";

/** An instance as registered, without what only the source remembers. */
export type Registered = Omit<Instance, "everPassed" | "leaving" | "kept">;

/** A check as `health/state/…` lists it. `serviceId` and `service` are empty for a check of the node. */
export interface CheckRow extends Check {
  readonly node: string;
  readonly serviceId: string;
  readonly service: string;
  /** Consul's index of the last change. */
  readonly modifyIndex: number;
}

/** A node of `catalog/nodes`. */
export interface NodeRow {
  readonly node: string;
  readonly nodeId: string;
  readonly address: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** Reads `health/service/<name>`. */
export function parseInstances(data: unknown): Registered[] {
  return list(data, "health/service").map((row) => {
    const node = fields(row["Node"], "Node");
    const service = fields(row["Service"], "Service");
    const nodeName = text(node, "Node");
    const tagged = service["TaggedAddresses"] ? fields(service["TaggedAddresses"], "TaggedAddresses")[meshAddressTag] : undefined;
    const mesh = tagged ? meshAddress(fields(tagged, "TaggedAddresses.mesh")) : undefined;
    const weights = service["Weights"] ? fields(service["Weights"], "Weights") : {};
    return {
      node: nodeName,
      id: text(service, "ID"),
      service: text(service, "Service"),
      address: optionalText(service, "Address") || optionalText(node, "Address"),
      // Newer versions leave a port of 0 out.
      port: service["Port"] === undefined ? 0 : number(service, "Port"),
      ...(mesh ? { mesh } : {}),
      tags: (service["Tags"] as string[] | null) ?? [],
      meta: (service["Meta"] as Record<string, string> | null) ?? {},
      weights: { passing: Number(weights["Passing"] ?? 1), warning: Number(weights["Warning"] ?? 1) },
      checks: list(row["Checks"] ?? [], "Checks").map(check),
    };
  });
}

/** Reads `health/state/<state>`. */
export function parseChecks(data: unknown): CheckRow[] {
  return list(data, "health/state").map((row) => ({
    ...check(row),
    node: text(row, "Node"),
    serviceId: optionalText(row, "ServiceID"),
    service: optionalText(row, "ServiceName"),
    modifyIndex: number(row, "ModifyIndex"),
  }));
}

/** Reads `catalog/services`: the tags of each service, as one text to compare. */
export function parseServiceList(data: unknown): Map<string, string> {
  return new Map(Object.entries(fields(data, "catalog/services")).map(([name, tags]) => [name, [...(tags as string[])].sort().join("\n")]));
}

/** Reads `catalog/nodes`. */
export function parseNodes(data: unknown): NodeRow[] {
  return list(data, "catalog/nodes").map((row) => ({
    node: text(row, "Node"),
    nodeId: optionalText(row, "ID"),
    address: optionalText(row, "Address"),
  }));
}

/** Reads the node IDs out of `catalog/service/consul`. */
export function parseServers(data: unknown): string[] {
  return list(data, "catalog/service/consul").flatMap((row) => optionalText(row, "ID") || []);
}

function meshAddress(row: Fields): Instance["mesh"] {
  const [address, port] = [optionalText(row, "Address"), Number(row["Port"] ?? 0)];
  return address && port > 0 ? { address, port } : undefined;
}

function check(row: Fields): Check {
  const status = text(row, "Status");
  const id = text(row, "CheckID");
  return {
    id,
    name: optionalText(row, "Name"),
    status: isStatus(status) ? status : "critical",
    // Consul puts the reason of a maintenance into the notes.
    output: optionalText(row, "Output") || (/^_(service|node)_maintenance/.test(id) ? optionalText(row, "Notes") : ""),
  };
}

function isStatus(text: string): text is CheckStatus {
  return text === "passing" || text === "warning" || text === "critical";
}

function bad(what: string): ConsulError {
  return new ConsulError("consul.bad-answer", `Consul's answer has no usable ${what}: is there something else at its address?`);
}

function fields(value: unknown, what: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw bad(what);
  return value as Fields;
}

function list(value: unknown, what: string): Fields[] {
  if (!Array.isArray(value)) throw bad(what);
  return value.map((row) => fields(row, what));
}

function text(row: Fields, key: string): string {
  const value = row[key];
  if (typeof value !== "string") throw bad(key);
  return value;
}

function optionalText(row: Fields, key: string): string {
  const value = row[key];
  return typeof value === "string" ? value : "";
}

function number(row: Fields, key: string): number {
  const value = row[key];
  if (typeof value !== "number") throw bad(key);
  return value;
}
