/** Where the set-up puts things: whole or not at all into `.tools`, and what took long into the user's cache. */
import { accessSync, chmodSync, constants, copyFileSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** Where the project keeps its tools; ignored by git. */
export const toolsDir = join(root, ".tools");
/** Where the user keeps what can be had again. */
export const cacheDir = () => join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "legation");

/** npx, pnpm, pip and Go all keep things in the user's home directory: where there is none to write to, `.tools/home` takes its place. */
export function ensureHome() {
  const home = homedir();
  try {
    accessSync(home, constants.W_OK);
  } catch {
    process.env.HOME = join(toolsDir, "home");
    mkdirSync(process.env.HOME, { recursive: true });
    console.log(`  · The home directory "${home}" is not writable: using ${process.env.HOME}`);
  }
}

/** Removes what an interrupted set-up left. */
export function removeLeftovers() {
  mkdirSync(toolsDir, { recursive: true });
  for (const name of readdirSync(toolsDir)) if (name.startsWith(".part-")) rmSync(join(toolsDir, name), { recursive: true, force: true });
}

/**
 * Builds something in a temporary directory and moves it into place whole, so that an interrupted set-up leaves nothing half-done.
 * @param {string} target @param {(dir: string) => Promise<void>} build
 */
export async function place(target, build) {
  const part = mkdtempSync(join(toolsDir, ".part-"));
  try {
    await build(part);
    chmodSync(part, 0o755);
    rmSync(target, { recursive: true, force: true });
    renameSync(part, target);
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
}

/**
 * Copies what took long to build into the user's cache, for the next clone. A cache that can't be written to costs no more than that.
 * @param {string} file @param {string} cached
 */
export function keep(file, cached) {
  const part = `${cached}.part`;
  try {
    mkdirSync(dirname(cached), { recursive: true });
    copyFileSync(file, part);
    renameSync(part, cached);
  } catch (error) {
    rmSync(part, { force: true });
    console.log(`  · not kept for the next clone: ${/** @type {Error} */ (error).message}`);
  }
}
