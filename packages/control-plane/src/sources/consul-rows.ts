/**
 * The rows of Consul's answers, read into typed values. Throws ConsulError `consul.bad-answer` for what is no answer of Consul. One odd row
 * harms nothing but itself: a field that cannot be read counts as left out, and a row that does not say whose it is, is passed over.
 */
import { ConsulError } from "@legation/consul";
import { meshAddressTag } from "@legation/contract";
import type { Check, CheckStatus, Instance } from "@legation/mesh";
import { indexCheck, indexInstance, rowIndex } from "./row-index.js";

/** An instance as registered, without what only the source remembers. */
export type Registered = Omit<Instance, "everPassed" | "leaving" | "kept">;

/** A check as `health/state/…` lists it. `serviceId` and `service` are empty for a check of the node. */
export interface CheckRow extends Check {
  readonly node: string;
  readonly serviceId: string;
  readonly service: string;
  /** Consul's index of the last change, and of when it came to be. */
  readonly modifyIndex: number;
  readonly createIndex: number;
}

/** A node of `catalog/nodes`. */
export interface NodeRow {
  readonly node: string;
  readonly nodeId: string;
  readonly address: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** The instances of a service as Consul answered. */
export interface Reading {
  readonly instances: readonly Registered[];
  /** What could not be read, in sentences; the fields in question hold what stands for "left out". */
  readonly flaws: readonly string[];
  /** Rows that do not say which instance they are. */
  readonly nameless: number;
}

/** The most that Consul's agents take for a weight or a port; what is registered past them may be more. */
const most = 65_535;

/** Reads `health/service/<name>`. */
export function parseInstances(data: unknown): Reading {
  const flaws: string[] = [];
  const rows = list(data, "health/service");
  const instances = rows.flatMap((row) => {
    const [node, service] = [fieldsOf(row["Node"]), fieldsOf(row["Service"])];
    const identity = { node: optionalText(node, "Node"), id: optionalText(service, "ID"), service: optionalText(service, "Service") };
    if (identity.node && identity.id && identity.service) return { ...identity, ...registration(row, node, service, flaws) };
    flaws.push("a row without the name of its node, its service or its ID is passed over");
    return [];
  });
  const nameless = rows.length - instances.length;
  if (nameless > 0 && instances.length === 0) throw bad("health/service");
  return { instances, flaws, nameless };
}

function registration(row: Fields, node: Fields, service: Fields, flaws: string[]): Omit<Registered, "node" | "id" | "service"> {
  const odd = (field: string, value: unknown) => {
    const key = `${optionalText(node, "Node")}/${optionalText(service, "ID")}`;
    flaws.push(`${key}: ${field} ${JSON.stringify(value)?.slice(0, 100)} cannot be read and counts as left out: register it anew`);
  };
  // Newer versions leave out what is 0, and all versions write null for what is empty.
  const whole = (of: Fields, key: string, otherwise: number, least: number, most: number) => {
    const value = of[key] ?? otherwise;
    if (Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most) return value as number;
    odd(key, value);
    return otherwise;
  };
  const words = Object.entries(fieldsOf(service["Meta"]));
  const meta = words.filter((entry): entry is [string, string] => typeof entry[1] === "string");
  if (meta.length < words.length) odd("Meta", service["Meta"]);
  const tags = listOf(service["Tags"]).filter((tag) => typeof tag === "string");
  if (tags.length < listOf(service["Tags"]).length) odd("Tags", service["Tags"]);
  const mesh = meshAddress(fieldsOf(fieldsOf(service["TaggedAddresses"])[meshAddressTag]));
  const weights = fieldsOf(service["Weights"]);
  const known: Instance["meta"] = Object.fromEntries(meta);
  indexInstance(known, { service: rowIndex(service), node: rowIndex(node) });
  return {
    address: optionalText(service, "Address") || optionalText(node, "Address"),
    port: whole(service, "Port", 0, -most, most),
    ...(mesh ? { mesh } : {}),
    tags,
    meta: known,
    weights: { passing: whole(weights, "Passing", 1, 0, most), warning: whole(weights, "Warning", 1, 0, most) },
    checks: listOf(row["Checks"]).map((each) => indexCheck(check(fieldsOf(each)), rowIndex(fieldsOf(each)))),
  };
}

/** Reads `health/state/<state>`. */
export function parseChecks(data: unknown): CheckRow[] {
  return list(data, "health/state").flatMap((row) => {
    const [node, modifyIndex] = [optionalText(row, "Node"), row["ModifyIndex"]];
    if (!node || typeof modifyIndex !== "number") return [];
    const { created: createIndex } = rowIndex(row);
    const of = { serviceId: optionalText(row, "ServiceID"), service: optionalText(row, "ServiceName") };
    return { ...check(row), node, ...of, modifyIndex, createIndex };
  });
}

/** Reads `catalog/services`: the tags of each service, as one text to compare. */
export function parseServiceList(data: unknown): Map<string, string> {
  return new Map(
    Object.entries(fields(data, "catalog/services")).map(([name, tags]) => [name, listOf(tags).map(String).sort().join("\n")]),
  );
}

/** Reads `catalog/nodes`. */
export function parseNodes(data: unknown): NodeRow[] {
  return list(data, "catalog/nodes").flatMap((row) => {
    const node = optionalText(row, "Node");
    return node ? { node, nodeId: optionalText(row, "ID"), address: optionalText(row, "Address") } : [];
  });
}

/** Reads the node IDs out of `catalog/service/consul`. */
export function parseServers(data: unknown): string[] {
  return list(data, "catalog/service/consul").flatMap((row) => optionalText(row, "ID") || []);
}

function meshAddress(row: Fields): Instance["mesh"] {
  const [address, port] = [optionalText(row, "Address"), row["Port"]];
  return address && Number.isSafeInteger(port) && (port as number) > 0 ? { address, port: port as number } : undefined;
}

function check(row: Fields): Check {
  const status = optionalText(row, "Status");
  const id = optionalText(row, "CheckID");
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
  return value.map(fieldsOf);
}

/** An object without fields for what is none. */
function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

/** An empty list for what is none. */
function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function optionalText(row: Fields, key: string): string {
  const value = row[key];
  return typeof value === "string" ? value : "";
}
