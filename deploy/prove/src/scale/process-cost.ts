/** What a process costs, as Linux counts it. */
import { readFileSync } from "node:fs";

/** The cost of a process at one moment. */
export interface ProcessCost {
  /** Resident memory in bytes; what it shares with others counts in each of them. */
  readonly rss: number;
  /** The same, shared pages divided by those who share them. */
  readonly pss: number;
  /** Seconds of CPU since its start. */
  readonly cpu: number;
}

const ticksPerSecond = 100;

/** Reads the cost of a process; undefined when it has ended. */
export function processCost(pid: number): ProcessCost | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name may hold spaces and parentheses; behind its last one the fields begin with the third (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [user, system] = [Number(fields[11]), Number(fields[12])];
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
    return { rss: kilobytes(rollup, "Rss"), pss: kilobytes(rollup, "Pss"), cpu: (user + system) / ticksPerSecond };
  } catch {
    return undefined;
  }
}

function kilobytes(rollup: string, name: string): number {
  return 1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(rollup)?.[1] ?? 0);
}
