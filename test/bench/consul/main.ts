/** `npm run bench -- consul`: how soon a change in Consul is seen, and what watching costs here and there, beside naive ways in the same run. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type ConsulVersion, consulVersions, startConsulServer } from "@legation/consul/testing";
import { createLookout, type Latencies, timeChanges } from "./changes.js";
import { type Cost, measureCost } from "./cost.js";
import { watchEachService, watchEverything } from "./naive.js";
import { createPopulation } from "./population.js";
import { type Measured, printTable } from "./report.js";
import { type OnSeen, type Watching, watchAsLegation } from "./watching.js";

/** A way of watching, and what it needs of Consul. */
interface Way {
  readonly name: string;
  start(url: string, onSeen: OnSeen): Watching;
  readonly config?: Readonly<Record<string, unknown>>;
}

const ways: readonly Way[] = [
  { name: "legation", start: watchAsLegation },
  { name: "filtered state", start: (url, onSeen) => watchEverything(url, onSeen, 'Status != "passing"') },
  { name: "whole state", start: (url, onSeen) => watchEverything(url, onSeen) },
  {
    name: "query per service",
    start: watchEachService,
    config: { limits: { http_max_conns_per_client: 10_000 } },
  },
];

/** How much is measured. */
interface Size {
  readonly services: number;
  readonly instances: number;
  readonly rounds: number;
  /** Milliseconds after which no further round of changes starts, for ways that take their time. */
  readonly limit: number;
  /** Milliseconds over which the costs are taken. */
  readonly watchFor: number;
  /** Milliseconds without a request after which a watcher counts as done with what went before. */
  readonly quiet: number;
  readonly pause: { readonly least: number; readonly most: number };
}

const full: Size = {
  services: 2_000,
  instances: 5,
  rounds: 20,
  limit: 25_000,
  watchFor: 5_000,
  quiet: 2_000,
  pause: { least: 20, most: 150 },
};
const short: Size = { services: 200, instances: 5, rounds: 3, limit: 10_000, watchFor: 600, quiet: 200, pause: { least: 5, most: 50 } };

/** Runs the bench. Returns the exit code: 1 when a change was not seen, or Legation's watching costs more than the naive ways. */
export async function run(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { short: { type: "boolean", default: false }, consul: { type: "string", default: consulVersions.join(",") } },
  });
  const size = values.short ? short : full;
  const versions = consulVersions.filter((version) => values.consul.split(",").includes(version));
  console.log(`${size.services} services × ${size.instances} instances, ${size.rounds} changes of each kind; milliseconds, p50 / p99\n`);
  let worse = 0;
  for (const version of versions) {
    const measured: Measured[] = [];
    for (const way of values.short ? ways.slice(0, 2) : ways) {
      console.error(`Consul ${version}, ${way.name} …`);
      measured.push(await measure(version, way, size));
    }
    worse += printTable(`Consul ${version}`, measured);
  }
  return worse > 0 ? 1 : 0;
}

async function measure(version: ConsulVersion, way: Way, size: Size): Promise<Measured> {
  const server = await startConsulServer({ version, ...(way.config ? { config: way.config } : {}) });
  const population = createPopulation({ url: server.url, ...size });
  const lookout = createLookout();
  let watching: Watching | undefined;
  let updates: ChildProcess | undefined;
  try {
    await population.fill();
    const started = performance.now();
    const startCost = measureCost(server.pid);
    watching = way.start(server.url, lookout.onSeen);
    await watching.complete;
    const first = { ms: performance.now() - started, bytes: watching.traffic().bytes, cost: startCost() };

    await quiet(watching, size.quiet);
    const restCost = await over(watching, server.pid, size.watchFor);
    const atRest = await timeChanges({ population, lookout, ...size, first: 0 });
    updates = fork(fileURLToPath(new URL("./updates.js", import.meta.url)), [server.url, String(size.services), String(size.instances)]);
    await quiet(watching, size.quiet);
    updates.send("start");
    await once(updates, "message");
    const busyCost = await over(watching, server.pid, size.watchFor);
    const underUpdates: Latencies = await timeChanges({ population, lookout, ...size, first: size.rounds });
    return { way: way.name, first, rest: restCost, busy: busyCost, atRest, underUpdates };
  } finally {
    if (updates?.connected) updates.disconnect();
    watching?.stop();
    population.close();
    await server.stop();
  }
}

/** Waits until a watcher has nothing left to do. */
async function quiet(watching: Watching, ms: number): Promise<void> {
  for (let i = 0, before = -1; i < 20 && before !== watching.traffic().requests; i++) {
    before = watching.traffic().requests;
    await pause(ms);
  }
}

/** What watching costs in a second, taken over some time. */
async function over(watching: Watching, pid: number, ms: number): Promise<Cost & { bytes: number }> {
  const cost = measureCost(pid);
  const before = watching.traffic().bytes;
  await pause(ms);
  const { here, there } = cost();
  const seconds = ms / 1_000;
  return { here: here / seconds, there: there / seconds, bytes: (watching.traffic().bytes - before) / seconds };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
