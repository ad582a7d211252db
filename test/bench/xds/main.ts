/** The xDS bench: our server, go-control-plane and a bare floor side by side in one run, with the same fleet. */
import { type Contender, contenders } from "./cell.js";
import { readOptions } from "./options.js";
import { buildPeer } from "./peer.js";
import { createProgress, describeCell, machine, medianOf, type Row, tableOf } from "./report.js";
import { type Result, scenarios } from "./scenario.js";
import { Trial } from "./trial.js";

/** Runs what the command line asks for and prints it. Returns the exit code. */
export async function run(argv: readonly string[]): Promise<number> {
  try {
    return await measureAll(argv);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }
}

async function measureAll(argv: readonly string[]): Promise<number> {
  const options = readOptions(argv);
  if (typeof options === "string") {
    console.log(options);
    return 0;
  }
  const { cells, effort, rounds, json } = options;
  const scenario = scenarios[options.scenario];
  if (!scenario) return 2;
  const taking = choose(options.servers);
  const progress = createProgress(cells.length * rounds * taking.length);
  const figures = scenario.figures(effort);
  const measured: { cell: (typeof cells)[number]; rows: Row[] }[] = [];
  if (!json) console.log(machine());
  for (const cell of cells) {
    const results = new Map<string, Result[]>(taking.map(({ name }) => [name, []]));
    for (let round = 0; round < rounds; round += 1)
      for (let turn = 0; turn < taking.length; turn += 1) {
        const contender = taking[(turn + round) % taking.length];
        if (!contender) continue;
        progress(`${describeCell(cell)}: ${contender.name}, round ${round + 1} of ${rounds}`);
        const trial = await Trial.open(contender, cell);
        try {
          results.get(contender.name)?.push(await scenario.run(trial, effort));
        } finally {
          await trial.close();
        }
      }
    const rows = [...results].map(([server, each]) => ({ server, rounds: each, median: medianOf(each) }));
    measured.push({ cell, rows });
    if (!json) console.log(`\n${describeCell(cell)}; medians of ${rounds}\n${tableOf(figures, rows)}`);
  }
  if (json) console.log(JSON.stringify({ machine: machine(), scenario: options.scenario, effort, rounds, cells: measured }, undefined, 2));
  else if (options.short) console.log("\nEvery stream was configured, and every change arrived.");
  return 0;
}

/** The servers that take part, in the order of the table. */
function choose(names: readonly string[] | undefined): Contender[] {
  const peer = names && !names.some((name) => name.startsWith("go-")) ? undefined : buildPeer();
  const all = contenders(peer);
  if (!names) return [...all.values()];
  const known = [...contenders("peer").keys()];
  return names.flatMap((name) => {
    if (!known.includes(name)) throw new Error(`--servers ${name}: write some of ${known.join(", ")}`);
    return all.get(name) ?? [];
  });
}
