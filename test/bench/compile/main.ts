/** `npm run bench -- compile`: from one change to resources, by the size of the mesh. */
import { parseArgs } from "node:util";
import { type BenchMesh, type Cost, createBenchMesh } from "./mesh.js";

/** Each change, and what it is measured against: the whole, or each service where it changes them all. */
const changes = [
  { name: "an endpoint", of: (mesh: BenchMesh, i: number) => mesh.flap(i), all: false },
  { name: "a Service policy", of: (mesh: BenchMesh, i: number) => mesh.service(i), all: false },
  { name: "a Route", of: (mesh: BenchMesh, i: number) => mesh.route(i + 10), all: false },
  { name: "MeshDefaults", of: (mesh: BenchMesh) => mesh.meshDefaults(), all: true },
] as const;

/** The most that a change of one thing may cost in the largest mesh against the smallest, which is an eighth of it. */
const mostGrowth = 3;

interface Measured {
  readonly services: number;
  readonly policies: number;
  readonly costs: readonly Cost[];
}

/** Runs the bench. Returns the exit code: 1 when a change of one thing costs more the larger the mesh is, or of everything more per service. */
export async function run(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { short: { type: "boolean", default: false }, rounds: { type: "string", default: "40" } },
  });
  const sizes = values.short ? [50, 100, 200, 400] : [250, 500, 1_000, 2_000];
  const rounds = values.short ? 15 : Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) {
    console.error(`--rounds ${values.rounds}: use a whole number from 1`);
    return 2;
  }
  const measured: Measured[] = [];
  for (const services of sizes) {
    console.error(`${services} services …`);
    measured.push(await measure(services, rounds));
  }
  console.log(
    `medians of ${rounds} changes, from the change to all resources; each service has 5 instances, a sidecar, and calls 5 others\n`,
  );
  console.log(["change".padEnd(18), ...sizes.map((size) => `${size}`.padStart(12)), "growth", "compiled", "resources"].join("  "));
  console.log(["policies".padEnd(18), ...measured.map(({ policies }) => `${policies}`.padStart(12))].join("  "));
  let worse = 0;
  for (const [i, { name, all }] of changes.entries()) {
    const costs = measured.map(({ costs: each }) => each[i] as Cost);
    const shares = costs.map(({ ms }, at) => (all ? ms / (sizes[at] ?? 1) : ms));
    const growth = (shares.at(-1) ?? 0) / (shares[0] ?? 1);
    if (growth > mostGrowth) worse++;
    const last = costs.at(-1);
    const figures = costs.map(({ ms }) => `${ms.toFixed(ms < 10 ? 2 : 0)} ms`.padStart(12));
    const ratio = `${growth.toFixed(1)}${all ? "/service" : ""}`;
    console.log([name.padEnd(18), ...figures, ratio, `${last?.compiled}`, `${last?.changed}`].join("  "));
  }
  return worse > 0 ? 1 : 0;
}

async function measure(services: number, rounds: number): Promise<Measured> {
  const mesh = await createBenchMesh(services);
  try {
    const costs: Cost[] = [];
    for (const { of, all } of changes) {
      // The first few are for the compiler of Node.
      const warm = 5;
      const times = all ? Math.max(5, Math.ceil(rounds / 8)) : rounds;
      const each: Cost[] = [];
      for (let round = 0; round < warm + times; round++) {
        const cost = await of(mesh, (round * 20) % services);
        if (round >= warm) each.push(cost);
      }
      costs.push(median(each));
    }
    return { services, policies: mesh.policies, costs };
  } finally {
    mesh.stop();
  }
}

function median(costs: readonly Cost[]): Cost {
  return [...costs].sort((a, b) => a.ms - b.ms)[Math.floor(costs.length / 2)] as Cost;
}
