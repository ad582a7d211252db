/** `npm run bench -- agent`: what an agent takes of its machine while nothing happens, beside the Envoys that it runs. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type Mesh, startFleet, startMesh } from "@legation/local";

/** How often an idle service is checked, and Consul hears of it. */
const rhythms: Readonly<Record<string, { readonly says: string; readonly config: Readonly<Record<string, unknown>> }>> = {
  usual: { says: "10 s, 5 s", config: { health: { http: { path: "/health" }, interval: "10s", recoveryThreshold: 1 }, heartbeat: "5s" } },
  default: { says: "30 s, 60 s", config: { health: { http: { path: "/health" } }, heartbeat: "60s" } },
  quick: { says: "1 s, 1 s", config: { health: { http: { path: "/health" }, interval: "1s" }, heartbeat: "1s" } },
};

const help = `npm run bench -- agent [--services 1,20] [--seconds 60] [--rhythms usual,default,quick] [--no-envoys]

Starts Consul, a control plane and one agent with so many services, an Envoy for each, waits until all serve, and then measures
the agent and its Envoys for that time. A rhythm is how often services are checked and Consul hears of them: ${Object.entries(rhythms)
  .map(([name, { says }]) => `${name} (${says})`)
  .join(", ")}.
`;

/** One process at one moment. */
interface Sample {
  readonly rss: number;
  /** Seconds of CPU since its start. */
  readonly cpu: number;
}

/** What is measured: the agent's pid and those of its Envoys. */
interface Subject {
  readonly agent: number;
  readonly envoys: readonly number[];
}

const ticksPerSecond = 100;
/** What the start left behind is not idle yet. */
const settleMs = 15_000;
const widths = [8, 12, 10, 12, 10, 13, 14, 11, 13, 13];

/** Runs the bench and returns the exit code. */
export async function run(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    allowNegative: true,
    options: {
      seconds: { type: "string", default: "60" },
      services: { type: "string", default: "1,20" },
      rhythms: { type: "string", default: "usual" },
      envoys: { type: "boolean", default: true },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(help);
    return 0;
  }
  const names = values.rhythms.split(",");
  const unknown = names.find((name) => !(name in rhythms));
  if (unknown !== undefined) {
    console.error(`--rhythms ${unknown}: give of ${Object.keys(rhythms).join(", ")}`);
    return 2;
  }
  console.log(`one agent at rest for all services, measured for ${values.seconds} s; bare Node has ${(await bareNode()).toFixed(1)} MB`);
  console.log(
    line([
      "services",
      "rhythm",
      "agent MB",
      "MB/service",
      "Envoy MB",
      "agent/Envoy",
      "agent % core",
      "%/service",
      "Envoy % core",
      "agent/Envoy",
    ]),
  );
  for (const services of values.services.split(",").map(Number))
    for (const name of names) console.log(line(await cell(services, name, values.envoys, Number(values.seconds))));
  return 0;
}

async function cell(services: number, rhythm: string, envoys: boolean, seconds: number): Promise<string[]> {
  const mesh = await startMesh();
  try {
    const subject = await start(mesh, services, { ...rhythms[rhythm]?.config, ...(envoys ? {} : { envoy: { enabled: false } }) });
    await sleep(settleMs);
    return [String(services), rhythms[rhythm]?.says ?? "", ...(await measure(subject, services, seconds))];
  } finally {
    await mesh.stop();
  }
}

async function start(mesh: Mesh, services: number, config: Readonly<Record<string, unknown>>): Promise<Subject> {
  const names = Array.from({ length: services }, (_, i) => `bench-${i + 1}`);
  const fleet = await startFleet(mesh.sandbox, {
    name: "bench",
    consul: mesh.consul.url,
    controlPlanes: [mesh.controlPlane],
    services: Object.fromEntries(names.map((name) => [name, []])),
    config,
  });
  await fleet.ready();
  const listed = Object.values(await fleet.services());
  return { agent: fleet.child.pid, envoys: listed.flatMap(({ pids }) => pids.envoy ?? []) };
}

async function measure({ agent, envoys }: Subject, services: number, seconds: number): Promise<string[]> {
  const pids = [agent, ...envoys];
  const before = pids.map(sample);
  const began = performance.now();
  await sleep(seconds * 1_000);
  const elapsed = (performance.now() - began) / 1_000;
  const [own, ...theirs] = pids.map((pid, i) => {
    const { rss, cpu } = sample(pid);
    return { rss: rss / 1e6, core: (100 * (cpu - (before[i]?.cpu ?? 0))) / elapsed };
  });
  if (!own) throw new Error("there is no agent");
  const mean = (figure: (of: { rss: number; core: number }) => number) => theirs.reduce((sum, of) => sum + figure(of), 0) / theirs.length;
  const [rss, core] = [mean((of) => of.rss), mean((of) => of.core)];
  const beside = (figure: number, digits: number) => (theirs.length > 0 ? figure.toFixed(digits) : "-");
  return [
    ...[own.rss.toFixed(1), (own.rss / services).toFixed(1), beside(rss, 1), beside(own.rss / rss, 2)],
    ...[own.core.toFixed(2), (own.core / services).toFixed(2), beside(core, 2), beside(own.core / core, 2)],
  ];
}

function line(cells: readonly string[]): string {
  return cells.map((text, i) => text.padStart(widths[i] ?? 0)).join("  ");
}

/** Resident megabytes of a Node that does nothing. */
async function bareNode(): Promise<number> {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 60000); console.log('up')"], { stdio: ["ignore", "pipe", "ignore"] });
  await new Promise((resolve) => child.stdout.once("data", resolve));
  const { rss } = sample(child.pid ?? 0);
  child.kill("SIGKILL");
  return rss / 1e6;
}

/** Reads what Linux counts of a process (proc(5)); throws when it has ended. */
function sample(pid: number): Sample {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const rss = Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1_024;
  return { rss, cpu: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond };
}
