/** Files that a reader never sees half written, also after a crash or a power cut. */
import { randomUUID } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/**
 * Replaces the file at `path` as a whole: a temporary file in the same folder, fsync, rename, fsync of the folder. The folder must
 * exist. `mode` is set exactly, whatever the umask (default: 0666 less the umask). Of several writers at once the last rename wins.
 * Rejects with Node's error and leaves the old file untouched when a step before the rename fails.
 */
export async function writeFileAtomic(path: string, data: string | Uint8Array, options: { mode?: number } = {}): Promise<void> {
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${randomUUID()}.tmp`);
  try {
    await writeThrough(temporary, data, options.mode);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writeThrough(path: string, data: string | Uint8Array, mode: number | undefined): Promise<void> {
  const handle = await open(path, "wx", mode);
  try {
    if (mode !== undefined) await handle.chmod(mode);
    await handle.writeFile(data);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
