/** A sidecar runs beside every service: V8 is told to spend as little memory as possible on a process that has little to compute. */
import { setFlagsFromString } from "node:v8";

/**
 * Without the optimising compiler, whose threads and code cost more than 10 MB; with a small young generation. What the agent does
 * (timers, HTTP, JSON) is native code or waits. The flags hold for the whole process: only its entry may set them.
 */
const flags = ["--no-opt", "--optimize-for-size", "--max-semi-space-size=1"] as const;

/** Sets V8's flags for what is compiled from now on. */
export function beLean(): void {
  for (const flag of flags) setFlagsFromString(flag);
}
