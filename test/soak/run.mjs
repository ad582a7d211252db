/** `npm run soak -- <name> [options]`: runs one soak from the build in `test/dist`. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Each soak: what it does, and its module below `test/dist/soak`, which exports `run(args)`. */
const soaks = {
  xds: {
    about: "xDS: streams that come, go, stall and refuse for minutes; memory returns to where it was [--short] [--minutes 5] [--help] …",
    module: "xds/main.js",
  },
};

const [name = "", ...args] = process.argv.slice(2).filter((arg) => arg !== "--");
const soak = soaks[name];
if (!soak) {
  console.error("usage: npm run soak -- <name> [options]\n");
  for (const [each, { about }] of Object.entries(soaks)) console.error(`  ${each.padEnd(10)}${about}`);
  process.exit(name === "" || name === "--help" ? 0 : 2);
}
const module = new URL(`../dist/soak/${soak.module}`, import.meta.url);
if (!existsSync(fileURLToPath(module))) {
  console.error(`${fileURLToPath(module)} is missing: run "npm run build" first.`);
  process.exit(2);
}
const { run } = await import(module.href);
process.exitCode = await run(args);
