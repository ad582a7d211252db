/** What an agent costs while nothing happens: its resident memory and its CPU, for one service and for many under one process. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { startFleet, startMesh } from "@legation/local";

const help = `pnpm bench agent [--services 1,20] [--seconds 30] [--envoys]

Starts Consul, a control plane and an agent with so many echo services, waits until all serve, and then measures the agent's process alone
for that time: at the default rhythm (a check every 30 s, a heartbeat every 60 s) and with both every second. Bare Node stands beside it.
`;

/** What was seen of one process over a stretch of time. */
interface Footprint {
  readonly rssMb: number;
  /** Of one core. */
  readonly cpuPercent: number;
}

const rhythms = {
  default: { health: { http: { path: "/health" } }, heartbeat: "60s" },
  "every second": { health: { http: { path: "/health" }, interval: "1s" }, heartbeat: "1s" },
};

/** Runs the bench; resolves to the exit code. */
export async function run(argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      services: { type: "string", default: "1,20" },
      seconds: { type: "string", default: "30" },
      envoys: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(help);
    return 0;
  }
  const seconds = Number(values.seconds);
  console.log(`bare Node: ${(await bareNode()).toFixed(0)} MB`);
  console.log("services  rhythm        Envoys  agent RSS  agent CPU");
  for (const count of values.services.split(",").map(Number))
    for (const [name, config] of Object.entries(rhythms)) {
      const { rssMb, cpuPercent } = await measure(count, { ...config, envoy: { enabled: values.envoys } }, seconds);
      const cells = [`${count}`.padStart(8), name.padEnd(12), `${values.envoys}`.padEnd(6), `${rssMb.toFixed(0)} MB`.padStart(9)];
      console.log(`${cells.join("  ")}  ${cpuPercent.toFixed(2).padStart(7)} %`);
    }
  return 0;
}

async function measure(count: number, config: Readonly<Record<string, unknown>>, seconds: number): Promise<Footprint> {
  const mesh = await startMesh();
  try {
    const services = Object.fromEntries(
      Array.from({ length: count }, (_, i): [string, string[]] => [`s${i}`, i >= 5 ? [`s${i - 5}`] : []]),
    );
    const fleet = await startFleet(mesh.sandbox, {
      name: "fleet",
      consul: mesh.consul.url,
      controlPlanes: [mesh.controlPlane],
      services,
      config,
    });
    await fleet.ready();
    const { pid } = fleet.child;
    // What the start left behind is not idle yet.
    await sleep(10_000);
    const [before, began] = [cpuSeconds(pid), performance.now()];
    await sleep(seconds * 1_000);
    const cpuPercent = ((cpuSeconds(pid) - before) / ((performance.now() - began) / 1_000)) * 100;
    return { rssMb: rssMb(pid), cpuPercent };
  } finally {
    await mesh.stop();
  }
}

async function bareNode(): Promise<number> {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 60000); console.log('up')"], { stdio: ["ignore", "pipe", "ignore"] });
  await new Promise((resolve) => child.stdout.once("data", resolve));
  const rss = rssMb(child.pid ?? 0);
  child.kill("SIGKILL");
  return rss;
}

function rssMb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1_024;
}

/** User and system time, from /proc in ticks of 10 ms. */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
