/** The npm packages of the lockfile, by the pinned pnpm. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { place, root, toolsDir } from "./place.mjs";
import { run, step } from "./progress.mjs";

const hint = "Is the npm registry reachable?";

/** Installs the packages into node_modules, unless those of this lockfile are there already. */
export async function packages() {
  const wanted = createHash("sha256")
    .update(readFileSync(join(root, "pnpm-lock.yaml")))
    .update(readFileSync(join(root, "pnpm-workspace.yaml")))
    .digest("hex");
  const stamp = join(root, "node_modules/.legation-setup");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  await step("packages (pnpm, about 15 s)", async (say) => {
    await run(await pnpm(say), ["install", "--frozen-lockfile"], { cwd: root, say, env: { CI: "true" }, hint });
    writeFileSync(stamp, wanted);
  });
}

/**
 * The pnpm that package.json names, in `.tools`. Not by npx, whose own cache stays broken when it is interrupted.
 * @param {(what: string) => void} say
 */
async function pnpm(say) {
  /** @type {string} */
  const wanted = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).packageManager;
  const target = join(toolsDir, wanted.replace("@", "-"));
  const binary = join(target, "node_modules/.bin/pnpm");
  if (!existsSync(binary))
    await place(target, async (dir) => {
      writeFileSync(join(dir, "package.json"), "{}");
      await run("npm", ["install", "--prefix", dir, "--no-audit", "--no-fund", wanted], { cwd: dir, say, hint });
    });
  return binary;
}
