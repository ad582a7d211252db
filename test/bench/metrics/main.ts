/** `npm run bench -- metrics`: what a scrape of a control plane takes, and how long it holds up other work, by the size of the mesh. */
import { parseArgs } from "node:util";
import { type AgentReport, instanceKey } from "@legation/contract";
import { createTelemetry, type Telemetry } from "@legation/control-plane/telemetry";
import type { CatalogService, Instance } from "@legation/mesh";

/** Instances of each service; all have agents that report to this replica. */
const instances = 5;
/** Other work may wait so long; milliseconds. A single piece of the garbage collector's work may take longer. */
const longestHold = 10;

interface Scrape {
  readonly ms: number;
  readonly cpuMs: number;
  /** The most CPU that was taken while nothing else had its turn: its time, without that in which the machine did something else. */
  readonly holdMs: number;
  readonly bytes: number;
  readonly rows: number;
}

/** Runs the bench. Returns the exit code: 1 when the usual scrape of the largest mesh holds up other work for longer than `longestHold`. */
export async function run(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { short: { type: "boolean", default: false }, rounds: { type: "string", default: "20" } },
  });
  const rounds = values.short ? 5 : Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) {
    console.error(`--rounds ${values.rounds}: use a whole number from 1`);
    return 2;
  }
  console.log(
    `medians of ${rounds} scrapes after 3 to warm up; each service has ${instances} instances, all with agents that report here\n`,
  );
  console.log(["services", "ms", "CPU ms", "held up CPU ms (worst)", "MB", "rows"].map((head) => head.padStart(10)).join("  "));
  let held = 0;
  for (const count of [250, 500, 1_000, 2_000]) {
    const scrapes: Scrape[] = [];
    const page = pageOf(count);
    for (let i = 0; i < rounds + 3; i++) {
      const scraped = await scrape(page);
      if (i >= 3) scrapes.push(scraped);
    }
    const of = (figure: keyof Scrape) => median(scrapes.map((one) => one[figure]));
    held = of("holdMs");
    const worst = Math.max(...scrapes.map(({ holdMs }) => holdMs));
    const figures = [`${count}`, of("ms").toFixed(1), of("cpuMs").toFixed(1), `${held.toFixed(1)} (${worst.toFixed(1)})`];
    console.log([...figures, (of("bytes") / 1e6).toFixed(2), `${of("rows")}`].map((text) => text.padStart(10)).join("  "));
  }
  return held > longestHold ? 1 : 0;
}

async function scrape(page: ReturnType<Telemetry["page"]>): Promise<Scrape> {
  const pieces: string[] = [];
  let [bytes, holdMs, over] = [0, 0, false];
  const taken = () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000;
  };
  let last = taken();
  const look = () => {
    const now = taken();
    holdMs = Math.max(holdMs, now - last);
    last = now;
    if (!over) setImmediate(look);
  };
  setImmediate(look);
  const cpu = taken();
  const begin = performance.now();
  for await (const piece of page()) {
    bytes += Buffer.byteLength(piece);
    pieces.push(piece);
  }
  const ms = performance.now() - begin;
  const cpuMs = taken() - cpu;
  over = true;
  const rows = pieces.join("").match(/^[^#\n]/gm)?.length ?? 0;
  return { ms, cpuMs, holdMs, bytes, rows };
}

function pageOf(count: number): ReturnType<Telemetry["page"]> {
  const services = Array.from({ length: count }, (_, i) => registered(i));
  const reports = new Map<string, AgentReport>();
  const telemetry = createTelemetry(() => ({ ...nothing, services: count, instances: count * instances }), 5_000);
  for (const { instances: all } of services)
    for (const instance of all) {
      const report = reportOf(instance);
      reports.set(instanceKey(instance.node, instance.id), report);
      telemetry.reported(report);
    }
  return telemetry.page({
    services: () => services,
    report(key) {
      const report = reports.get(key);
      return report && { report, receivedAt: 0, silent: false };
    },
    breakers: () => ({ service: { state: "closed", callers: 0, by: [] }, instances: new Map() }),
  });
}

function registered(i: number): CatalogService {
  const name = `service-${i}`;
  const all = Array.from(
    { length: instances },
    (_, j): Instance => ({
      ...{ node: `node-${(i + j) % 100}`, id: `${name}-${j}`, service: name, address: `10.${i >> 8}.${i & 255}.${j + 1}`, port: 8_000 },
      ...{ tags: [], meta: { version: "1", zone: `z${j % 3}` }, weights: { passing: 1, warning: 1 }, everPassed: true },
      checks: ["heartbeat", "health"].map((check) => ({
        ...{ id: `legation:${name}-${j}:${check}`, name: check, output: "" },
        status: j === 0 && i % 10 === 0 ? "critical" : "passing",
      })),
    }),
  );
  return { name, instances: all };
}

function reportOf({ node, id, service }: Instance): AgentReport {
  return {
    ...{ node, id, service, agentVersion: "1", state: "running", restartCount: 0, admin: "127.0.0.1:19100" },
    health: { level: "HEALTHY", message: "", consecutiveFailures: 0, responseTimeMs: 3, uptime: {} },
  };
}

const nothing = {
  ...{ streams: 0, rejected: 0, quarantined: 0, problems: 0, complete: true, connected: true, age: 1, layers: 0, agents: 0, listening: 0 },
  ...{ leaving: 0, policiesRefused: false, policiesVersion: undefined, replicas: 2 },
};

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
