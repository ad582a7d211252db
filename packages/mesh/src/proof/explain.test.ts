/** `npm run fuzz -- explain --runs 500` holds more meshes against a real Envoy. */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CallerExplanation, type ExplainedRequest, type ExplainedWorld, explainRequest } from "../explain/index.js";
import { type Applications, type ExplainedEnvoy, fits, type Observed, startApplications, startExplainedEnvoy } from "./explained-envoy.js";
import { anyExplainedMesh, type ExplainedMesh } from "./explained-mesh.js";

const runs = Number(process.env["FUZZ_RUNS"] ?? 42);
const seed = Number(process.env["FUZZ_SEED"] ?? Date.now() % 1_000_000);

/** Seeds of meshes that are in every run, so that none is without panic, ejections and whatever else is rare. */
const always = [5, 9, 10, 39, 49, 53, 55, 114];

/** Meshes in one Envoy, and how the caller's own instances are spread over zones there. */
const atOnce = 40;
const spreads: readonly Readonly<Record<string, number>>[] = [{ a: 1, b: 1 }, { a: 1, b: 2 }, { a: 3, b: 1 }, {}];

/**
 * An outcome of probability p is missed by n independent requests with (1 − p)ⁿ. It is looked for where that is below 10⁻¹⁰: then not even
 * ten thousand of them, which is more than a run has, are missed once in a million runs.
 */
const repeats = 80;
const improbable = 1e-10;

let applications: Applications;
beforeAll(async () => {
  applications = await startApplications();
});
afterAll(() => applications.stop());

test(`${always.length} meshes and ${runs} random ones in random states: a real Envoy does with requests what is explained (seed ${seed})`, {
  timeout: 1_800_000,
}, async () => {
  const counts = { requests: 0, sure: 0, instance: 0, own: 0, ejected: 0, panic: 0, rewritten: 0, faults: 0, redirects: 0 };
  const seeds = [...always, ...Array.from({ length: runs }, (_, i) => seed + i)];
  for (let from = 0; from < seeds.length; from += atOnce) {
    const spread = spreads[(from / atOnce) % spreads.length] ?? {};
    const meshes = seeds
      .slice(from, from + atOnce)
      .flatMap((own, i) => fc.sample(anyExplainedMesh(from + i, applications.port, spread), { numRuns: 1, seed: own }));
    const envoy = await startExplainedEnvoy(meshes, spread);
    try {
      await Promise.all(meshes.map((mesh) => judged(envoy, mesh, counts)));
    } finally {
      await envoy.stop();
    }
  }
  // So that it is something that is compared.
  expect(Object.entries(counts).filter(([, count]) => count === 0)).toEqual([]);
});

async function judged(envoy: ExplainedEnvoy, mesh: ExplainedMesh, counts: Record<string, number>): Promise<void> {
  const ejected = await eject(envoy, mesh);
  count("ejected", [...ejected.values()].flat().length);
  const world: ExplainedWorld = {
    ...mesh.world,
    breakers: (service) =>
      (ejected.get(service) ?? []).map((address) => ({ service, address, state: "open", cause: "test", since: "2026-01-01T00:00:00Z" })),
  };
  for (const [i, asked] of mesh.requests.entries()) {
    const told = explainRequest(world, asked);
    if (typeof told === "string") throw new Error(told);
    expect(told.outcomes.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 6);
    const seen: Observed[] = [];
    for (let n = 0; n < (i < 2 ? repeats : 1); n++) {
      const one = await envoy.ask(mesh, asked);
      seen.push(one);
      const fitting = told.outcomes.find((outcome) => fits(outcome, one, applications.port));
      if (!fitting) disagree(mesh, asked, told, one);
      else if (fitting.by === "instance" && one.path !== pathOf(told)) disagree(mesh, asked, told, one);
      count("requests", 1);
      count("rewritten", one.path === undefined || one.path === told.request.path ? 0 : 1);
      count("faults", one.flags.includes("FI") ? 1 : 0);
      count("redirects", one.location === undefined ? 0 : 1);
      count(fitting?.by === "instance" ? "instance" : "own", 1);
    }
    if (told.ways.some(({ endpoints }) => endpoints.some(({ state }) => state === "panic"))) count("panic", 1);
    // Equal requests are hashed alike.
    if (seen.length < repeats || told.ways.some(({ text }) => text.startsWith("one by hash"))) continue;
    for (const outcome of told.outcomes) {
      if ((1 - outcome.share) ** repeats > improbable) continue;
      count("sure", 1);
      if (!seen.some((one) => fits(outcome, one, applications.port))) disagree(mesh, asked, told, { never: outcome });
    }
  }

  function count(what: string, by: number): void {
    counts[what] = (counts[what] ?? 0) + by;
  }
}

/** Lets the victims fail until they are ejected, or nothing more is. By service the addresses of those that are. */
async function eject(envoy: ExplainedEnvoy, mesh: ExplainedMesh): Promise<ReadonlyMap<string, readonly string[]>> {
  const services = mesh.world.caller.node.dependencies.map(({ name }) => name);
  if (mesh.victims.length === 0) return new Map();
  for (const name of services)
    for (let n = 0; n < 12; n++)
      await envoy.ask(mesh, { method: "GET", url: `http://${name}/eject`, headers: {} }, { "x-fail": mesh.victims.join() });
  return new Map(await Promise.all(services.map(async (name) => [name, await envoy.ejected(name)] as const)));
}

function pathOf({ request, steps }: CallerExplanation): string {
  const words = "the path becomes ";
  const rewritten = steps.find(({ at, text }) => at === "request" && text.startsWith(words));
  return rewritten ? rewritten.text.slice(words.length) : request.path;
}

function disagree(mesh: ExplainedMesh, asked: ExplainedRequest, told: CallerExplanation, seen: unknown): never {
  throw new Error(
    [
      `seed ${seed}, mesh ${mesh.prefix}: ${JSON.stringify(asked)}`,
      `seen: ${JSON.stringify(seen)}`,
      `explained: ${told.summary}`,
      JSON.stringify(told.outcomes),
      JSON.stringify(told.steps),
      JSON.stringify(
        told.ways.map(({ text, endpoints }) => [
          text,
          endpoints.map((one) => [one.instance, one.address, one.share, one.state, one.reason, one.region, one.zone]),
        ]),
      ),
      JSON.stringify(mesh.documents),
    ].join("\n"),
  );
}
