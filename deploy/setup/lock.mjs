/** One set-up at a time in one checkout: a lock file that names its holder, and is taken over when that one is gone. */
import { closeSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** @param {number} pid */
function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === "EPERM";
  }
}

/**
 * Waits until this process holds the lock, up to 30 minutes; returns the function that gives it back.
 * @param {string} file
 * @returns {Promise<() => void>}
 */
export async function acquireLock(file) {
  for (let waited = 0; waited < 1_800; waited++) {
    try {
      const fd = openSync(file, "wx");
      writeSync(fd, String(process.pid));
      closeSync(fd);
      return () => rmSync(file, { force: true });
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EEXIST") throw error;
    }
    const holder = Number(readHolder(file));
    if (holder && !alive(holder)) rmSync(file, { force: true });
    else {
      if (waited === 0) console.log(`Another set-up is running (pid ${holder || "unknown"}); waiting for it`);
      await sleep(1_000);
    }
  }
  throw new Error(`the set-up lock ${file} was held for 30 minutes: remove it if no set-up is running`);
}

/** @param {string} file */
function readHolder(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
