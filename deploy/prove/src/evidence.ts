/** What is left of a proof that does not hold: everything that its parts have written, for whoever looks for the cause. */
import { cp, lstat, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Files above this size are left out; bytes. */
const largest = 64 * 1024 * 1024;

/** Copies the plain files and directories below `dir` into a new temporary directory; resolves to its path. */
export async function keepEvidence(dir: string): Promise<string> {
  const kept = await mkdtemp(join(tmpdir(), "legation-prove-failed-"));
  await cp(dir, kept, {
    recursive: true,
    async filter(path) {
      // Parts that still run replace their files meanwhile.
      const file = await lstat(path).catch(() => undefined);
      return file !== undefined && (file.isDirectory() || (file.isFile() && file.size <= largest));
    },
  });
  return kept;
}
