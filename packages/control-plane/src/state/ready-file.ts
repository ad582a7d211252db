/** `ready.json` in the state directory: where this control plane listens, for scripts that wait for it. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "@legation/runtime";

/** What the file holds. */
export interface Ready {
  /** `host:port` of xDS. */
  readonly xds: string;
  /** URL of the HTTP API. */
  readonly http: string;
  readonly pid: number;
}

const file = (stateDir: string) => join(stateDir, "ready.json");

/** Writes the file; call it when both ports accept connections. */
export async function writeReady(stateDir: string, ready: Ready): Promise<void> {
  await writeFileAtomic(file(stateDir), `${JSON.stringify(ready)}\n`);
}

/** Takes the file away: at start, because the last run may have been killed, and at stop. */
export async function removeReady(stateDir: string): Promise<void> {
  await rm(file(stateDir), { force: true });
}
