/** The ports that a service had when it ran last; its processes may still hold them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { PlannedService } from "./plan.js";

/** Empty when nothing is kept, or nothing that can be read. */
export function keptPortsOf({ config }: PlannedService): number[] {
  try {
    const { ports } = JSON.parse(readFileSync(join(config.stateDir, "kept.json"), "utf8")) as { ports?: Record<string, unknown> };
    return Object.values(ports ?? {}).filter((port): port is number => Number.isInteger(port));
  } catch {
    return [];
  }
}
