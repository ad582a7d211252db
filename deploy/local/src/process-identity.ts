/** A process named so that a reused pid is never taken for it: its pid and the time when it started. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** One process, for as long as it lives. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in the words of the operating system; only ever compared. On Linux: clock ticks since boot, as agents write it too. */
  readonly startTime: string;
}

/** The process that has this pid now, or undefined when none has, or when it is only waiting to be reaped. */
export function identify(pid: number): ProcessIdentity | undefined {
  const start = process.platform === "linux" ? startOnLinux(pid) : startByPs(pid);
  return start === undefined ? undefined : { pid, startTime: start };
}

/** True while that very process runs. */
export function isAlive(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.startTime === identity.startTime;
}

/** Sends a signal to that very process. Returns false when it is gone. */
export function signal(identity: ProcessIdentity, name: NodeJS.Signals): boolean {
  if (!isAlive(identity)) return false;
  try {
    process.kill(identity.pid, name);
    return true;
  } catch {
    return false;
  }
}

function startOnLinux(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  // The command's name stands in brackets and may hold spaces and brackets; behind it come the state and, as the 22nd, the start.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
}

function startByPs(pid: number): string | undefined {
  try {
    const line = execFileSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    const [state = "", ...start] = line.trim().split(/\s+/);
    return state === "" || state.startsWith("Z") ? undefined : start.join(" ");
  } catch {
    return undefined;
  }
}
