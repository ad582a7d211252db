/** One set-up at a time in one checkout: a lock file that names its holder, and is taken over when that one is gone. */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * A process as nobody after it can be: its pid, and on Linux when it was started, because a pid comes again, above all in containers.
 * Undefined when there is none.
 * @param {number} pid
 */
function identity(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EPERM") return undefined;
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return `${pid} ${stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]}`;
  } catch {
    return String(pid);
  }
}

/**
 * Waits until this process holds the lock, up to 30 minutes; returns the function that gives it back.
 * @param {string} file
 * @returns {Promise<() => void>}
 */
export async function acquireLock(file) {
  for (let waited = 0; waited < 1_800; waited++) {
    if (take(file)) return () => rmSync(file, { force: true });
    const holder = read(file);
    const pid = Number.parseInt(holder ?? "", 10);
    if (holder !== undefined && identity(pid) !== holder) takeAway(file, holder);
    else {
      if (waited === 0) console.log(`Another set-up is running (pid ${pid || "unknown"}); waiting for it`);
      await sleep(1_000);
    }
  }
  throw new Error(`the set-up lock ${file} was held for 30 minutes: remove it if no set-up is running`);
}

/**
 * Puts the lock in place with its holder written in it, in one step. False when somebody has it.
 * @param {string} file
 */
function take(file) {
  const own = `${file}.${process.pid}`;
  writeFileSync(own, identity(process.pid) ?? "");
  try {
    linkSync(own, file);
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EEXIST") throw error;
    return false;
  } finally {
    rmSync(own, { force: true });
  }
}

/**
 * Removes the lock of a holder that is gone, unless somebody else was quicker, whose lock is then put back.
 * @param {string} file @param {string} holder
 */
function takeAway(file, holder) {
  const aside = `${file}.${process.pid}.gone`;
  try {
    renameSync(file, aside);
    if (read(aside) !== holder) linkSync(aside, file);
  } catch {
    // It is gone already, or the next holder has come.
  }
  rmSync(aside, { force: true });
}

/** @param {string} file */
function read(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
