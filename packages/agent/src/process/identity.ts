/** Which process a pid means: pids are used again, so a process is known by its pid, its start time and the boot of the machine. */
import { readFileSync } from "node:fs";

/** Enough to find a process again, and never another one. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start time in clock ticks since boot, field 22 of /proc/<pid>/stat. */
  readonly startTime: string;
  /** /proc/sys/kernel/random/boot_id. */
  readonly boot: string;
}

/** Reads a file of /proc as text, or undefined when it is not there. Passed in for tests. */
export type ReadProc = (path: string) => string | undefined;

/** The real /proc. */
export const readProc: ReadProc = (path) => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
};

/** The identity of a living process; undefined when there is none with that pid, when it is a zombie, or without /proc. */
export function identify(pid: number, read: ReadProc = readProc): ProcessIdentity | undefined {
  const stat = read(`/proc/${pid}/stat`);
  if (!stat) return undefined;
  // The second field is the command's name in brackets, and may hold brackets and blanks itself.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const state = fields[0];
  const startTime = fields[19];
  if (!startTime || state === "Z" || state === "X") return undefined;
  return { pid, startTime, boot: read("/proc/sys/kernel/random/boot_id")?.trim() ?? "" };
}

/** True while exactly that process lives. */
export function isAlive(identity: ProcessIdentity, read: ReadProc = readProc): boolean {
  const now = identify(identity.pid, read);
  return now !== undefined && now.startTime === identity.startTime && now.boot === identity.boot;
}
