/** The directory in which a control plane keeps what must survive its restart. */
import { constants } from "node:fs";
import { access, mkdir, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { codeOf, LegationError, type Logger, messageOf } from "@legation/runtime";

/** Makes the directory (0700) where it is missing. Throws `state-dir.not-writable`, naming the flag that chooses another one. */
export async function openStateDir(path: string): Promise<void> {
  try {
    await make(path);
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new LegationError(
      "state-dir.not-writable",
      `the state directory ${path} cannot be written: ${messageOf(error)}. Let this user write there, or choose another with --state-dir`,
      { cause: error },
    );
  }
}

/** Removes the temporary files that a control plane killed while it wrote has left. A failure is logged and stops nothing. */
export async function sweepStateDir(path: string, log: Logger): Promise<void> {
  try {
    const left = (await readdir(path)).filter((name) =>
      /^\.(catalog\.json|figures\.json|policies\.json|ports\.json|ready\.json|acl-mode|own-leaf\.json|quarantine\.json)\..*\.tmp$/.test(
        name,
      ),
    );
    for (const name of left) await rm(join(path, name), { force: true });
  } catch (error) {
    log.warn({ event: "state.sweep-failed", path, err: error }, "what an earlier run left in the state directory cannot be removed");
  }
}

/** Waits for what is written to it. A failure is logged: a full disk must not keep the proxies without a control plane. */
export async function keep(what: string, written: Promise<void>, log: Logger): Promise<void> {
  await written.catch((error: unknown) =>
    log.error({ event: "state.write-failed", what, err: error }, `${what} cannot be written to the state directory: going on without`),
  );
}

/** Node's own recursive `mkdir` never ends where a parent exists that takes no directories, such as /proc. */
async function make(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) === "EEXIST") return;
    const parent = dirname(path);
    const missing = await access(parent).then(
      () => false,
      () => true,
    );
    if (codeOf(error) !== "ENOENT" || !missing || parent === path) throw error;
    await make(parent);
    await mkdir(path, { mode: 0o700 });
  }
}
