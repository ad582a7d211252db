/** A process named so that a reused pid is never taken for it: its pid and the time when it started. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

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

/** True while every thread of the process is stopped: the signal that stops them returns before they do. */
export function standsStill(pid: number): boolean {
  if (process.platform !== "linux") return byPs(pid)[0]?.startsWith("T") ?? false;
  try {
    return readdirSync(`/proc/${pid}/task`).every((thread) => statFields(`/proc/${pid}/task/${thread}/stat`)[0] === "T");
  } catch {
    return false;
  }
}

function startOnLinux(pid: number): string | undefined {
  const fields = statFields(`/proc/${pid}/stat`);
  return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
}

/** What stands behind the command's name, which is in brackets and may hold spaces and brackets: the state and, as the 20th, the start. */
function statFields(path: string): readonly string[] {
  try {
    const stat = readFileSync(path, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return [];
  }
}

function startByPs(pid: number): string | undefined {
  const [state = "", ...start] = byPs(pid);
  return state === "" || state.startsWith("Z") ? undefined : start.join(" ");
}

function byPs(pid: number): readonly string[] {
  try {
    const line = execFileSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return line.trim().split(/\s+/);
  } catch {
    return [];
  }
}
