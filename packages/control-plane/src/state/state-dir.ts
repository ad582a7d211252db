/** The directory in which a control plane keeps what must survive its restart. */
import { constants } from "node:fs";
import { access, mkdir } from "node:fs/promises";
import { LegationError } from "@legation/runtime";

/** Makes the directory (0700) where it is missing. Throws `state-dir.not-writable`, naming the flag that chooses another one. */
export async function openStateDir(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new LegationError(
      "state-dir.not-writable",
      `the state directory ${path} cannot be written: ${why}. Give this user the right to write there, or choose another with --state-dir`,
      { cause: error },
    );
  }
}
