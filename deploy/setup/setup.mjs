/** `npm run setup`: everything that the demo and the tests need, into node_modules, packages/x/dist and .tools. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { acquireLock } from "./lock.mjs";
import { elapsed, run, SetupError, step } from "./progress.mjs";
import { consul, consulFromDebian, envoy, removeLeftovers, toolsDir } from "./tools.mjs";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const usage = `npm run setup [-- options]: installs and builds all that the demo and the tests need.
Packages into node_modules, Envoy and Consul into .tools, what took long into your
cache directory. It can be interrupted and run again; once done it works offline.

  --consul-both         also Consul 1.8.7, the oldest supported, for the tests
  --quiet-when-done     print nothing but one line when there is nothing to do
  --help                this text

ENVOY_BIN and CONSUL_BIN, then PATH, name binaries of your own to use instead.`;

/** Packages from the lockfile, unless they are installed already. */
async function packages() {
  const wanted = createHash("sha256")
    .update(readFileSync(join(root, "pnpm-lock.yaml")))
    .update(readFileSync(join(root, "pnpm-workspace.yaml")))
    .digest("hex");
  const stamp = join(root, "node_modules/.legation-setup");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  const version = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).packageManager;
  await step("packages (pnpm, about 15 s)", async (say) => {
    await run("npx", ["--yes", version, "install", "--frozen-lockfile"], {
      cwd: root,
      say,
      env: { CI: "true" },
      hint: "Is the npm registry reachable?",
    });
    writeFileSync(stamp, wanted);
  });
}

/** Generated sources, then compiled ones; both do nothing when nothing changed. */
async function build() {
  const built = join(root, "packages/cli/dist/main.js");
  const work = async () => {
    await run(process.execPath, ["proto/generate.mjs"], { cwd: root });
    await run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-b"], { cwd: root });
  };
  if (existsSync(built)) await work();
  else await step("Envoy's API generated, TypeScript compiled (about 10 s)", work);
}

/** The oldest supported Consul, for the tests; where it can't be had its tests are left out, except in CI. */
async function oldestConsul() {
  try {
    await consulFromDebian();
  } catch (error) {
    if (process.env.CI === "true" || !(error instanceof SetupError)) throw error;
    console.log(`  · Consul 1.8.7 can't be had here, so the tests with it are skipped: ${error.message}`);
  }
}

async function main() {
  const { values } = parseArgs({
    options: { "consul-both": { type: "boolean" }, "quiet-when-done": { type: "boolean" }, help: { type: "boolean" } },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const [major = 0] = process.versions.node.split(".").map(Number);
  if (major < 20) throw new SetupError(`Node ${process.versions.node} is too old: Legation needs Node 20 or later.`);
  mkdirSync(toolsDir, { recursive: true });
  const release = await acquireLock(join(toolsDir, ".lock"));
  const stop = () => {
    release();
    process.exit(130);
  };
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  try {
    const done = existsSync(join(toolsDir, ".done"));
    if (!done) console.log("Setting up Legation (the first time takes about 5 minutes, mostly for building Consul)");
    removeLeftovers();
    rmSync(join(toolsDir, ".done"), { force: true });
    await packages();
    await build();
    await envoy();
    await consul();
    if (values["consul-both"]) await oldestConsul();
    writeFileSync(join(toolsDir, ".done"), "");
    if (!done || !values["quiet-when-done"]) console.log(`Set-up done in ${elapsed()}`);
    else console.log(`Set-up: nothing to do (${elapsed()})`);
  } finally {
    release();
  }
}

process.env.PATH = [process.env.PATH, "/usr/local/go/bin"].join(delimiter);
main().catch((error) => {
  console.error(error instanceof SetupError ? `\nSet-up stopped: ${error.message}` : error);
  process.exitCode = 1;
});
