/** `npm run bench -- <name> [options]`: runs one bench from the build in `test/dist`. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Each bench: what it measures, and its module below `test/dist/bench`, which exports `run(args)`. */
const benches = {
  xds: {
    about: "xDS: cold storm, push, CPU and memory beside go-control-plane and a floor [--short] [--help] …",
    module: "xds/main.js",
  },
  consul: {
    about: "how soon a change in Consul is seen, and what watching costs [--short] [--consul 1.19.2,1.8.7]",
    module: "consul/main.js",
  },
  agent: {
    about: "an agent at rest beside its Envoys: memory, CPU, ratios [--services 1,20] [--seconds 60] [--rhythms …] [--no-envoys]",
    module: "agent/main.js",
  },
};

const [name = "", ...args] = process.argv.slice(2).filter((arg) => arg !== "--");
const bench = benches[name];
if (!bench) {
  console.error("usage: npm run bench -- <name> [options]\n");
  for (const [each, { about }] of Object.entries(benches)) console.error(`  ${each.padEnd(10)}${about}`);
  process.exit(name === "" || name === "--help" ? 0 : 2);
}
const module = new URL(`../dist/bench/${bench.module}`, import.meta.url);
if (!existsSync(fileURLToPath(module))) {
  console.error(`${fileURLToPath(module)} is missing: run "npm run build" first.`);
  process.exit(2);
}
const { run } = await import(module.href);
process.exitCode = await run(args);
