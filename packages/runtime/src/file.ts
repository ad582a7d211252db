/** Files that are either the old or the new one, whatever happens in between. */
import { randomBytes } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";

/**
 * Writes a file whole: into a temporary one beside it, flushed to disk, then renamed over it. `mode` is 0o644 unless given.
 * Throws what the file system says (a full disk leaves the old file as it was).
 */
export async function writeFileAtomic(path: string, data: string | Uint8Array, options: { mode?: number } = {}): Promise<void> {
  const part = `${path}.${process.pid}.${randomBytes(4).toString("hex")}.part`;
  try {
    const file = await open(part, "wx", options.mode ?? 0o644);
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}
