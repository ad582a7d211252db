/** `npm run bench -- identity`: what mutual TLS costs beside plain text, through the same two Envoys. */
import { connectionKinds } from "./connections.js";
import { type Figures, measure } from "./measure.js";
import { type Options, readOptions } from "./options.js";
import { head, machine, rowsOf } from "./report.js";
import { type Stage, startStage, type Wire } from "./stage.js";

/** Runs the bench and returns the exit code. */
export async function run(argv: readonly string[]): Promise<number> {
  let options: Options | string;
  try {
    options = readOptions(argv);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 2;
  }
  if (typeof options === "string") {
    console.log(options);
    return 0;
  }
  try {
    await measureAll(options);
    return 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }
}

async function measureAll(options: Options): Promise<void> {
  const { rate, rounds, seconds, enforce } = options;
  const taken = connectionKinds.map((kind) => ({ kind, figures: { plain: [] as Figures[], mtls: [] as Figures[] } }));
  const stage = await startStage(enforce);
  try {
    for (let round = 0; round < rounds; round++)
      for (const wire of ["plain", "mtls"] as const) await measureHalf(stage, wire, `round ${round + 1} of ${rounds}`, taken, options);
  } finally {
    await stage.stop();
  }
  console.log(`${machine()}; ${rate} requests a second, medians of ${rounds} rounds of ${seconds} s; CPU for each request`);
  console.log(head);
  for (const { kind, figures } of taken) console.log(rowsOf(kind.title, figures));
}

async function measureHalf(
  stage: Stage,
  wire: Wire,
  round: string,
  taken: readonly { readonly kind: (typeof connectionKinds)[number]; readonly figures: Record<Wire, Figures[]> }[],
  options: Options,
): Promise<void> {
  await stage.speak(wire);
  for (const { kind, figures } of taken) {
    const taking = await measure(stage, kind, wire, options);
    figures[wire].push(taking);
    const { p50, p99, cpu, requests, connections } = taking;
    console.error(
      `${round}, ${kind.title}, ${wire}: p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms, ${cpu.toFixed(0)} µs; ${requests} requests, ${connections} new connections`,
    );
  }
}
