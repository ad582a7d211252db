/** The xDS bench: our server and, where Go is installed, one on go-control-plane, side by side in one run, with the same fleet. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { buildPeer } from "./peer.js";

/** One cell of the grid. */
interface Cell {
  readonly variant: string;
  readonly clusters: number;
  readonly endpoints: number;
  readonly streams: number;
}

/** A server to measure: the command that starts it with the bench's resources. */
interface Subject {
  readonly name: string;
  command(size: readonly string[]): readonly string[];
}

const measures = ["storm", "p50", "p99", "last", "cpu", "memory", "perStream"] as const;

/** Times in milliseconds, CPU in milliseconds per change, memory in megabytes, memory per stream in kilobytes. */
type Result = Record<(typeof measures)[number], number>;

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));

/** Runs the grid and prints the table. Returns the exit code. */
export async function run(argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      streams: { type: "string", default: "200,1000" },
      clusters: { type: "string", default: "100,1000" },
      endpoints: { type: "string", default: "10,100" },
      variant: { type: "string", default: "delta,sotw" },
      changes: { type: "string", default: "30" },
      rounds: { type: "string", default: "5" },
      short: { type: "boolean", default: false },
    },
  });
  const { short } = values;
  const numbers = (text: string) => text.split(",").map(Number);
  const grid: Cell[] = [];
  for (const variant of values.variant.split(","))
    for (const clusters of numbers(short ? "100" : values.clusters))
      for (const endpoints of numbers(short ? "10" : values.endpoints))
        for (const streams of numbers(short ? "200" : values.streams)) grid.push({ variant, clusters, endpoints, streams });
  const peer = buildPeer();
  const subjects: Subject[] = [{ name: "legation", command: (size) => [process.execPath, here("subject.js"), ...size] }];
  if (peer)
    for (const cache of ["snapshot", "linear"])
      subjects.push({ name: `go ${cache}`, command: (size) => [peer, ...size, "--cache", cache] });
  else console.log("Go is not installed: the peer is left out.");
  console.log("variant streams clusters endpoints server        storm ms  p50 ms  p99 ms last ms  CPU ms/change  MB  KB/stream");
  for (const cell of grid) {
    const results = new Map<string, Result[]>(subjects.map(({ name }) => [name, []]));
    for (let round = 0; round < (short ? 1 : Number(values.rounds)); round += 1)
      for (const subject of subjects) results.get(subject.name)?.push(await measure(subject, cell, Number(values.changes)));
    const medians = subjects.map(({ name }) => ({ name, result: medianOf(results.get(name) ?? []) }));
    for (const { name, result } of medians) print(cell, name, result);
    printRatios(medians.map(({ result }) => result));
  }
  return 0;
}

async function measure(subject: Subject, { variant, clusters, endpoints, streams }: Cell, changes: number): Promise<Result> {
  const [file = "", ...args] = subject.command(["--clusters", String(clusters), "--endpoints", String(endpoints)]);
  const server = start(file, args);
  try {
    const { port } = await server.next("port");
    const idle = rss(server.pid);
    const fleetArgs = ["--port", port, "--streams", streams, "--clusters", clusters, "--variant", variant].map(String);
    const fleet = start(process.execPath, [here("fleet.js"), ...fleetArgs]);
    try {
      const { started } = await fleet.next("started");
      const { configured } = await fleet.next("configured");
      const latencies: number[][] = [];
      const cpuBefore = cpu(server.pid);
      for (let change = 1; change <= changes; change += 1) {
        server.send(`change ${change}`);
        const { changed } = await server.next("changed");
        const { arrivals } = await fleet.next("arrivals");
        latencies.push(arrivals.map((at) => at - changed).sort((a, b) => a - b));
      }
      const cpuPerChange = (cpu(server.pid) - cpuBefore) / changes;
      const at = (share: number) =>
        middle(latencies.map((sorted) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0));
      const memory = rss(server.pid);
      return {
        storm: configured - started,
        p50: at(0.5),
        p99: at(0.99),
        last: at(1),
        cpu: cpuPerChange,
        memory: memory / 1024,
        perStream: (memory - idle) / streams,
      };
    } finally {
      await fleet.stop();
    }
  } finally {
    await server.stop();
  }
}

/** What children say; each line has some of these. */
interface Said {
  readonly port: number;
  readonly started: number;
  readonly configured: number;
  readonly changed: number;
  readonly arrivals: readonly number[];
}

/** A child that says JSON lines. It ends when its standard input does. */
function start(file: string, args: readonly string[]) {
  const child = spawn(file, args, { stdio: ["pipe", "pipe", "inherit"] });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    pid: child.pid ?? 0,
    send: (line: string) => child.stdin.write(`${line}\n`),
    async next<K extends keyof Said>(key: K): Promise<Said> {
      for (;;) {
        const { value, done } = await lines.next();
        if (done) throw new Error(`${file} ended before it said ${key}`);
        const message = JSON.parse(value) as Said;
        if (key in message) return message;
      }
    },
    stop: async () => {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

/** Milliseconds of processor time that a process has used. */
function cpu(pid: number): number {
  const fields = (readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1] ?? "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Resident kilobytes. */
function rss(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}

function middle(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

function medianOf(results: readonly Result[]): Result {
  return Object.fromEntries(measures.map((key) => [key, middle(results.map((result) => result[key]))])) as Result;
}

function print({ variant, streams, clusters, endpoints }: Cell, name: string, r: Result): void {
  const cell = (value: number, width: number, digits = 0) => value.toFixed(digits).padStart(width);
  const size = `${variant.padEnd(7)} ${cell(streams, 7)} ${cell(clusters, 8)} ${cell(endpoints, 9)}`;
  const times = `${cell(r.storm, 9)} ${cell(r.p50, 7, 1)} ${cell(r.p99, 7, 1)} ${cell(r.last, 7, 1)}`;
  console.log(`${size} ${name.padEnd(12)} ${times} ${cell(r.cpu, 14, 1)} ${cell(r.memory, 3)} ${cell(r.perStream, 10)}`);
}

function printRatios([ours, ...others]: readonly Result[]): void {
  if (!ours || others.length === 0) return;
  const ratio = (key: (typeof measures)[number]) => (ours[key] / Math.min(...others.map((other) => other[key]))).toFixed(2);
  const text = `storm ${ratio("storm")}, p99 ${ratio("p99")}, CPU ${ratio("cpu")}, memory per stream ${ratio("perStream")}`;
  console.log(`        against the better of the others: ${text}`);
}
