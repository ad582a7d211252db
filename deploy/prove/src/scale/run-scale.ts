/** `prove scale`: many agents on one machine, and what they cost. */
import { parseArgs } from "node:util";
import { openSandbox, type Sandbox, type ServiceProcess, startConsul, startControlPlane, startService, until } from "@legation/local";
import type { Io } from "../io.js";
import { table, time } from "../layout.js";
import { startApplication } from "./applications.js";
import { consulRequests, type GroupCost, measure } from "./measure.js";

const usage = `legation prove scale [flags]: what many agents on one machine cost.

Starts Consul, a control plane, and agents with the health checks and heartbeats
of every day (5 s), each for an application of its own, and measures memory, CPU
and Consul's load while nothing happens.

  --envoys N    agents with an Envoy (default: 20)
  --agents N    agents without one (default: 200; each takes about 70 MB)
  --seconds N   how long to measure (default: 30)
  --json        print the figures as JSON, and progress on standard error
  --help        this text

Exit codes: 0 when every instance was passing in Consul, 1 when not, 2 for wrong
flags.`;

interface ScaleFlags {
  readonly envoys: number;
  readonly agents: number;
  readonly seconds: number;
  readonly json: boolean;
}

/** Figures of a run. */
interface ScaleResult {
  /** Milliseconds from the first start until Consul showed every instance as passing. */
  readonly allPassingMs: number;
  readonly consulRequestsPerSecond: number;
  readonly groups: readonly GroupCost[];
}

/** Instances of one service. */
const perService = 10;
const startsAtOnce = 6;
const stopsAtOnce = 20;
const passingLimit = 120_000;

/** Runs it. Resolves with the exit code. */
export async function runScale(argv: readonly string[], io: Io): Promise<number> {
  const flags = parse(argv);
  if (typeof flags === "string") {
    (flags === usage ? io.stdout : io.stderr).write(`${flags}\n`);
    return flags === usage ? 0 : 2;
  }
  const began = performance.now();
  const print = (line: string): void => {
    const at = ((performance.now() - began) / 1000).toFixed(1).padStart(7);
    (flags.json ? io.stderr : io.stdout).write(`${at} s  ${line}\n`);
  };
  const sandbox = openSandbox({ name: "legation-scale" });
  const stop = (): void => void sandbox.stop();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, stop);
  try {
    const result = await scale(sandbox, flags, print);
    io.stdout.write(flags.json ? `${JSON.stringify(result)}\n` : `\n${report(result)}\n`);
    return 0;
  } finally {
    for (const name of ["SIGINT", "SIGTERM"] as const) process.off(name, stop);
    await sandbox.stop();
  }
}

async function scale(sandbox: Sandbox, { envoys, agents, seconds }: ScaleFlags, print: (line: string) => void): Promise<ScaleResult> {
  const consul = await startConsul(sandbox);
  const controlPlane = await startControlPlane(sandbox, { consul: consul.url });
  print(`Consul ${consul.version} and the control plane; starting ${envoys} agents with Envoys and ${agents} without`);
  const started: ServiceProcess[] = [];
  const total = envoys + agents;
  const began = performance.now();
  const start = async (at: number): Promise<void> => {
    const port = await sandbox.ports.free();
    const application = await startApplication(port);
    sandbox.onStop(() => void application.close().closeAllConnections());
    const service = await startService(sandbox, {
      name: `service-${Math.floor(at / perService)}`,
      id: `service-${Math.floor(at / perService)}-${(at % perService) + 1}`,
      consul: consul.url,
      controlPlanes: [controlPlane],
      config: {
        port,
        command: null,
        health: { http: { path: "/health" }, interval: "5s" },
        heartbeat: "5s",
        envoy: at < envoys ? { concurrency: 1 } : { enabled: false },
      },
    });
    started.push(service);
    if (started.length % 20 === 0) print(`${started.length} of ${total} are ready`);
  };
  await pooled(
    Array.from({ length: total }, (_, at) => at),
    startsAtOnce,
    start,
  );
  await until(
    async (note) => {
      const checks = await consul.get<{ ServiceID: string; Status: string }[]>("/v1/health/state/any");
      const own = checks.filter(({ ServiceID }) => ServiceID.startsWith("service-"));
      const passing = new Set(own.map(({ ServiceID }) => ServiceID));
      for (const { ServiceID, Status } of own) if (Status !== "passing") passing.delete(ServiceID);
      note(`${passing.size} of ${total}`);
      return passing.size === total;
    },
    { what: "every instance to be passing in Consul", limitMs: passingLimit },
  );
  const allPassingMs = performance.now() - began;
  print(`all passing; measuring for ${seconds} s`);

  const pids = await Promise.all(started.map(async (service) => service.pids()));
  const groups = await measure(
    [
      { name: "agent with an Envoy", pids: pids.filter(({ envoy }) => envoy > 0).map(({ agent }) => agent) },
      { name: "its Envoy", pids: pids.map(({ envoy }) => envoy).filter((pid) => pid > 0) },
      { name: "agent without an Envoy", pids: pids.filter(({ envoy }) => envoy === 0).map(({ agent }) => agent) },
      { name: "control plane", pids: [controlPlane.pid] },
      { name: "Consul", pids: [consul.pid] },
    ],
    seconds,
  );
  const consulRequestsPerSecond = await consulRequests(consul);
  print("stopping");
  await pooled(started, stopsAtOnce, async (service) => void (await service.stop()));
  return { allPassingMs, consulRequestsPerSecond, groups };
}

function report({ allPassingMs, consulRequestsPerSecond, groups }: ScaleResult): string {
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0);
  const percent = (share: number): string => (100 * share).toFixed(2);
  const rows = groups
    .filter(({ processes }) => processes > 0)
    .map((g) => [
      g.name,
      String(g.processes),
      megabytes(g.rss.mean),
      megabytes(g.rss.max),
      megabytes(g.pss.mean),
      percent(g.core.mean),
      percent(g.core.max),
    ]);
  const head = ["PROCESS", "NUMBER", "RSS MB", "MAX", "PSS MB", "% CORE", "MAX"];
  return `${table(head, rows)}\n\nAll passing after ${time(allPassingMs)}. Consul answers ${consulRequestsPerSecond.toFixed(1)} requests a second.`;
}

async function pooled<T>(items: readonly T[], atOnce: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** The flags, or what to print instead. */
function parse(argv: readonly string[]): ScaleFlags | string {
  try {
    const text = { type: "string" } as const;
    const flag = { type: "boolean" } as const;
    const options = { envoys: text, agents: text, seconds: text, json: flag, help: { ...flag, short: "h" } };
    const { values } = parseArgs({ args: [...argv], strict: true, allowPositionals: false, options });
    if (values.help) return usage;
    const number = (name: "envoys" | "agents" | "seconds", usual: number): number => {
      const value = Number(values[name] ?? usual);
      if (Number.isInteger(value) && value >= 0) return value;
      throw new Error(`--${name} ${values[name]}: give a whole number`);
    };
    return { envoys: number("envoys", 20), agents: number("agents", 200), seconds: number("seconds", 30), json: values.json ?? false };
  } catch (error) {
    return `legation prove scale: ${error instanceof Error ? error.message : error}. See --help`;
  }
}
