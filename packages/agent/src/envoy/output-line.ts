/** What becomes of a line that this instance's Envoy writes: told by whoever knows what it means, else as Envoy's own. */
import type { Instance } from "../instance.js";
import { exhaustedWatches } from "./exhausted-watches.js";

/** Makes the taker of lines. */
export function createEnvoyLines({ denied, figures, log }: Pick<Instance, "denied" | "figures" | "log">): (line: string) => void {
  return (line) => {
    const exhausted = exhaustedWatches(line);
    if (exhausted !== undefined) log.error({ event: "envoy.watches-exhausted", line }, exhausted);
    else if (!denied.take(line) && !figures.take(line)) log.info({ event: "envoy.output", line }, line);
  };
}
