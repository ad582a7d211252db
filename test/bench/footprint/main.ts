/** `pnpm bench footprint`: what an agent takes of its machine while nothing happens, beside the Envoys that it runs. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type Mesh, startFleet, startMesh } from "@legation/local";

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
/** The way that templates are written: a heartbeat of 5 s, checks every 10 s. */
const config = { heartbeat: "5s", health: { http: { path: "/health" }, interval: "10s", recoveryThreshold: 1 } };
const settleMs = 15_000;

/** Runs the bench and returns the exit code. */
export async function run(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { seconds: { type: "string", default: "60" }, services: { type: "string", default: "1,20" } },
  });
  const seconds = Number(values.seconds);
  console.log(`agent at rest, ${seconds} s each: one agent for all services, an Envoy for each; heartbeat 5 s, HTTP check every 10 s`);
  console.log(
    "services   agent MB   MB/service   Envoy MB (mean)   agent/Envoy   agent % core   %/service   Envoy % core (mean)   agent/Envoy",
  );
  for (const services of values.services.split(",").map(Number)) {
    const mesh = await startMesh();
    try {
      const subject = await start(mesh, services);
      await sleep(settleMs);
      console.log(await measure(subject, services, seconds));
    } finally {
      await mesh.stop();
    }
  }
  return 0;
}

async function start(mesh: Mesh, services: number): Promise<Subject> {
  if (services === 1) {
    const { agent = 0, envoy = 0 } = await (await mesh.startService({ name: "bench", config })).pids();
    return { agent, envoys: [envoy] };
  }
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

async function measure({ agent, envoys }: Subject, services: number, seconds: number): Promise<string> {
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
  return [
    String(services).padStart(8),
    own.rss.toFixed(1).padStart(11),
    (own.rss / services).toFixed(1).padStart(13),
    rss.toFixed(1).padStart(18),
    (own.rss / rss).toFixed(2).padStart(14),
    own.core.toFixed(2).padStart(15),
    (own.core / services).toFixed(2).padStart(12),
    core.toFixed(2).padStart(22),
    (own.core / core).toFixed(2).padStart(14),
  ].join("");
}

/** Reads what Linux counts of a process (proc(5)); throws when it has ended. */
function sample(pid: number): Sample {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const rss = Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1_024;
  return { rss, cpu: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond };
}
