/** Which events a reader has asked for and may see. */
import type { EventQuery, MeshEvent } from "@legation/contract/api";
import { severities } from "@legation/contract/api";
import type { Access } from "../security/access.js";
import { meshRead } from "../security/right.js";
import type { KeptRow } from "./event-log.js";

/** Says of an event whether it was asked for. */
export function wanted(query: Pick<EventQuery, "type" | "service" | "severity" | "since">): (event: MeshEvent) => boolean {
  const types = query.type?.split(",").filter((type) => type !== "");
  const least = severities.indexOf(query.severity ?? "info");
  const since = query.since === undefined ? undefined : Date.parse(query.since);
  return (event) =>
    (types === undefined || types.some((type) => event.type === type || event.type.startsWith(`${type.replace(/\.$/, "")}.`))) &&
    (query.service === undefined || event.service === query.service) &&
    severities.indexOf(event.severity) >= least &&
    (since === undefined || Date.parse(event.time) >= since);
}

/** Of some rows those that the caller may see: events of services that it may read, and with the right to read the mesh all. Throws AccessUndecided. */
export async function visible(rows: readonly KeptRow[], access: Pick<Access, "readable" | "mayRead">): Promise<readonly KeptRow[]> {
  if (rows.length === 0) return rows;
  const may = await access.readable(rows.flatMap(({ event }) => event.service ?? []));
  const wide = rows.some(({ event }) => event.service === undefined) && (await access.mayRead(meshRead));
  return rows.filter(({ event }) => (event.service === undefined ? wide : may.has(event.service)));
}
