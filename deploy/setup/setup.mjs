/** `npm run setup`: everything that the demo and the tests need, into node_modules, packages/x/dist and .tools. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { acquireLock } from "./lock.mjs";
import { packages } from "./packages.mjs";
import { ensureHome, removeLeftovers, root, toolsDir } from "./place.mjs";
import { elapsed, endCommands, nothingDone, run, SetupError, step } from "./progress.mjs";
import { installSchemathesis } from "./schemathesis.mjs";
import { consul, consulFromDebian, envoy, prometheus } from "./tools.mjs";

const usage = `npm run setup [-- options]: installs and builds all that the demo and the tests need.
Packages into node_modules, Envoy and Consul into .tools, what took long into your
cache directory. It can be interrupted and run again; once done it works offline.

  --consul-both         also Consul 1.8.7, the oldest supported, for the tests
  --schemathesis        also Schemathesis, for the test that fuzzes the API
  --prometheus          also Prometheus with promtool, for the tests of the metrics
  --quiet-when-done     print nothing but one line when there is nothing to do
  --help                this text

ENVOY_BIN and CONSUL_BIN, then PATH, name binaries of your own to use instead.`;

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

/**
 * What only tests need; where it can't be had they are left out, except in CI.
 * @param {string} what @param {() => Promise<void>} get
 */
async function forTests(what, get) {
  try {
    await get();
  } catch (error) {
    if (process.env.CI === "true" || !(error instanceof SetupError)) throw error;
    console.log(`  · ${what} can't be had here, so the tests with it are skipped: ${error.message}`);
  }
}

/** @returns {Promise<{ "consul-both"?: boolean, prometheus?: boolean, schemathesis?: boolean, "quiet-when-done"?: boolean, help?: boolean }>} */
async function options() {
  const { parseArgs } = await import("node:util");
  const boolean = /** @type {const} */ ({ type: "boolean" });
  try {
    return parseArgs({
      options: { "consul-both": boolean, prometheus: boolean, schemathesis: boolean, "quiet-when-done": boolean, help: boolean },
    }).values;
  } catch (error) {
    throw new SetupError(`${/** @type {Error} */ (error).message}. See npm run setup -- --help`);
  }
}

async function main() {
  const [major = 0] = process.versions.node.split(".").map(Number);
  if (major < 20) throw new SetupError(`Node ${process.versions.node} is too old: Legation needs Node 20 or later.`);
  const values = await options();
  if (values.help) {
    console.log(usage);
    return;
  }
  mkdirSync(toolsDir, { recursive: true });
  ensureHome();
  const release = await acquireLock(join(toolsDir, ".lock"));
  const stop = (/** @type {number} */ code) => () => {
    endCommands();
    release();
    process.exit(code);
  };
  process.once("SIGHUP", stop(129));
  process.once("SIGINT", stop(130));
  process.once("SIGTERM", stop(143));
  try {
    const done = existsSync(join(toolsDir, ".done"));
    if (!done) console.log("Setting up Legation (the first time takes about 5 minutes, mostly for building Consul)");
    removeLeftovers();
    rmSync(join(toolsDir, ".done"), { force: true });
    await packages();
    await build();
    await envoy();
    await consul(values["consul-both"] === true);
    if (values["consul-both"]) await forTests("Consul 1.8.7", consulFromDebian);
    if (values.schemathesis) await forTests("Schemathesis", installSchemathesis);
    if (values.prometheus) await forTests("Prometheus", prometheus);
    writeFileSync(join(toolsDir, ".done"), "");
    if (!nothingDone() || !values["quiet-when-done"]) console.log(`Set-up done in ${elapsed()}`);
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
