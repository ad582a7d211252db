/** `ready.json` in the state directory: where this control plane listens, for scripts that wait for it. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type Lifecycle, type Logger, writeFileAtomic } from "@legation/runtime";
import { keep } from "./state-dir.js";

/** What the file holds. */
export interface Ready {
  /** `host:port` of xDS. */
  readonly xds: string;
  /** URL of the HTTP API. */
  readonly http: string;
  readonly pid: number;
}

const file = (stateDir: string) => join(stateDir, "ready.json");

/** Writes the file, until the lifecycle ends, and a line to the log; call it when both ports accept connections. `more` stands in the line. */
export async function announce(
  stateDir: string,
  ready: Ready,
  o: { readonly lifecycle: Lifecycle; readonly log: Logger; readonly more: { readonly version: string; readonly consul: string } },
): Promise<void> {
  await keep("ready.json", writeFileAtomic(file(stateDir), `${JSON.stringify(ready)}\n`), o.log);
  o.lifecycle.onStop("ready.json", 1_000, () => removeReady(stateDir));
  const { version, consul } = o.more;
  o.log.info({ event: "control-plane.ready", ...ready, version, stateDir, consul }, `xDS on ${ready.xds}, API on ${ready.http}`);
}

/** Takes the file away: at start, because the last run may have been killed, and at stop. */
export async function removeReady(stateDir: string): Promise<void> {
  await rm(file(stateDir), { force: true });
}
