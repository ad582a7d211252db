/** `legation agent --all` and `--containers`: from the command line to the exit code. */
import { homedir, hostname, networkInterfaces } from "node:os";
import { join, resolve } from "node:path";
import { loadConfig } from "@legation/runtime";
import type { AgentIo } from "../agent-io.js";
import { printConfigFlag, printGraphFlag } from "../manual.js";
import type { CaughtSignals } from "../signals.js";
import { drawGraph } from "./drawing.js";
import { runHost } from "./host.js";
import { fleetOptions, sharedWords } from "./options.js";
import { emptyPlan, type Plan, planFleet } from "./plan.js";

const jsonFlag = "--json";

/** Runs until all services have left. Resolves to the highest of their exit codes; rejects with a LegationError when it could not begin. */
export async function runFleet(argv: readonly string[], io: AgentIo, signals: CaughtSignals): Promise<number> {
  const flags = argv.filter((word) => ![printConfigFlag, printGraphFlag, jsonFlag].includes(word));
  const { values } = loadConfig(fleetOptions, { argv: flags, env: io.env });
  const home = io.env["HOME"] ?? homedir();
  const stateDir = resolve(values.stateDir ?? join(home, ".local", "state", "legation", "all"));
  const surroundings = {
    env: io.env,
    argv: sharedWords(flags),
    machine: { hostname: hostname(), home, interfaces: networkInterfaces() },
  };
  const plan = (): Plan => (values.all === undefined ? emptyPlan : planFleet(values.all, { ...surroundings, stateDir }));
  const first = plan();
  if (argv.includes(printGraphFlag)) return print(io, argv.includes(jsonFlag) ? graphJson(first) : drawGraph(first.graph));
  if (argv.includes(printConfigFlag))
    return print(io, first.services.map(({ file, printedConfig }) => `# ${file}\n${printedConfig}`).join("---\n"));
  return await runHost({ values, stateDir, first, plan, surroundings, io, signals });
}

function print(io: AgentIo, text: string): number {
  io.stdout.write(text);
  return 0;
}

function graphJson({ graph }: Plan): string {
  const layers = graph.layers.map((layer) => layer.map(({ id, service, file, dependencies }) => ({ id, service, file, dependencies })));
  return `${JSON.stringify({ layers }, null, 2)}\n`;
}
