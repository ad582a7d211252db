/** What something costs while it runs: processor time of this process and of another one, on Linux. */
import { readFileSync } from "node:fs";

/** Processor time in milliseconds. */
export interface Cost {
  readonly here: number;
  readonly there: number;
}

const tick = 10;

/** Starts measuring; the result gives the cost since then. `pid` is the other process. */
export function measureCost(pid: number): () => Cost {
  const here = process.cpuUsage();
  const there = spent(pid);
  return () => {
    const { user, system } = process.cpuUsage(here);
    return { here: (user + system) / 1_000, there: spent(pid) - there };
  };
}

/** User and system time of a process, from `/proc/<pid>/stat`, fields 14 and 15. */
function spent(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * tick;
}
