/** The quarantine of one control plane, kept in its state directory. */
import type { Clock, Lifecycle, Logger } from "@legation/runtime";
import type { ResourceCache, StreamStatus } from "@legation/xds";
import type { Teller } from "../events/events.js";
import { createQuarantineFile, readQuarantine } from "../state/quarantine-file.js";
import { createQuarantine, type Quarantine } from "./quarantine.js";

/** Makes it with what was held back in the last run, and ends it with the process. */
export async function createKeptQuarantine(o: {
  readonly cache: ResourceCache;
  readonly streams: () => readonly StreamStatus[];
  readonly events: Teller;
  readonly stateDir: string;
  readonly lifecycle: Lifecycle;
  readonly clock: Clock;
  readonly log: Logger;
}): Promise<Quarantine> {
  const { stateDir, lifecycle, log } = o;
  const file = createQuarantineFile(stateDir, log);
  lifecycle.onStop("quarantine file", 2_000, () => file.stop());
  const quarantine = createQuarantine({ ...o, save: (contents) => file.save(contents) });
  quarantine.restore(await readQuarantine(stateDir, o));
  lifecycle.onStop("quarantine", 1_000, () => quarantine.stop());
  return quarantine;
}
