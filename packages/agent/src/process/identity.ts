/** Which process a pid means: pids are used again, so a process is known by its pid, its start time and the boot of the machine. */
import { readdirSync, readFileSync } from "node:fs";

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

/** True while the process group has a member that is no zombie. Looks at every process: ask only when a signal still finds the group. */
export function groupLives(group: number, read: ReadProc = readProc, list: () => readonly string[] = () => readdirSync("/proc")): boolean {
  return list().some((name) => {
    if (!/^\d+$/.test(name)) return false;
    const stat = read(`/proc/${name}/stat`);
    const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ") ?? [];
    return fields[2] === String(group) && fields[0] !== "Z" && fields[0] !== "X";
  });
}
