/** One control plane per state directory: two would overwrite each other's ports and last good state. */
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { codeOf, LegationError, type Logger } from "@legation/runtime";

/** A process, told from a later one with the same number by when it started (in ticks since boot; empty where there is no /proc). */
interface Holder {
  readonly pid: number;
  readonly start: string;
}

/**
 * Takes the directory for this process until the returned function is called. What a killed process left is taken over. Throws
 * `state-dir.in-use` with the number of the process that has it. Where the lock cannot be written, as on a full disk, that is logged and
 * nothing is held: serving the proxies matters more.
 */
export async function lockStateDir(stateDir: string, log: Logger): Promise<() => Promise<void>> {
  const path = join(stateDir, "lock");
  const mine: Holder = { pid: process.pid, start: (await startOf(process.pid)) ?? "" };
  for (const isLast of [false, true]) {
    try {
      await writeFile(path, JSON.stringify(mine), { flag: "wx" });
      return () => rm(path, { force: true });
    } catch (error) {
      if (codeOf(error) !== "EEXIST") {
        log.error({ event: "state.unlocked", path, err: error }, `${path} cannot be written: nothing keeps a second control plane out`);
        return async () => undefined;
      }
      const holder = await holderOf(path);
      if (isLast || (holder && (await isAlive(holder))))
        throw new LegationError(
          "state-dir.in-use",
          `the state directory ${stateDir} belongs to the control plane that runs as process ${holder?.pid ?? "?"}. ` +
            "Stop that one, or choose another directory with --state-dir",
        );
      await rm(path, { force: true });
    }
  }
  return async () => undefined;
}

async function holderOf(path: string): Promise<Holder | undefined> {
  try {
    const { pid, start } = JSON.parse(await readFile(path, "utf8")) as Partial<Holder>;
    return Number.isInteger(pid) && typeof start === "string" ? { pid: pid as number, start } : undefined;
  } catch {
    return undefined;
  }
}

async function isAlive({ pid, start }: Holder): Promise<boolean> {
  const now = await startOf(pid);
  if (now !== undefined || start !== "") return now === start;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === "EPERM";
  }
}

/** Field 22 of /proc/PID/stat; the name before it may hold blanks and brackets. Undefined where there is no such process, or no /proc. */
async function startOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
}
