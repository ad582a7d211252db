/** The xDS bench: our server and, where Go is installed, one on go-control-plane, side by side in one run, with the same fleet. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { buildPeer } from "./peer.mjs";

const { values } = parseArgs({
  options: {
    streams: { type: "string", default: "200,1000" },
    clusters: { type: "string", default: "100,1000" },
    endpoints: { type: "string", default: "10" },
    variant: { type: "string", default: "delta,sotw" },
    changes: { type: "string", default: "30" },
    rounds: { type: "string", default: "1" },
    short: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(
    "pnpm bench xds [--streams 200,1000] [--clusters 100,1000] [--endpoints 10] [--variant delta,sotw] [--changes 30] [--rounds 1] [--short]",
  );
  process.exit(0);
}
const list = (text) => text.split(",");
const grid = [];
for (const variant of list(values.variant))
  for (const clusters of list(values.short ? "100" : values.clusters))
    for (const endpoints of list(values.endpoints))
      for (const streams of list(values.short ? "200" : values.streams))
        grid.push({ variant, clusters: Number(clusters), endpoints: Number(endpoints), streams: Number(streams) });

const here = (file) => fileURLToPath(new URL(file, import.meta.url));
const peer = process.env.NOPEER ? undefined : buildPeer();
const subjects = [
  { name: "legation", command: (size) => [process.execPath, here("subject.mjs"), ...size] },
  ...(peer ? ["snapshot", "linear"].map((cache) => ({ name: `go ${cache}`, command: (size) => [peer, ...size, `--cache`, cache] })) : []),
];
if (!peer) console.log("Go is not installed: the peer is left out.");

console.log("variant streams clusters endpoints server        storm ms  p50 ms  p99 ms last ms  CPU ms/change  MB  KB/stream");
for (const cell of grid) {
  const results = new Map(subjects.map(({ name }) => [name, []]));
  for (let round = 0; round < Number(values.rounds); round += 1)
    for (const subject of subjects) results.get(subject.name).push(await measure(subject, cell));
  const medians = subjects.map(({ name }) => ({ name, ...medianOf(results.get(name)) }));
  for (const result of medians) print(cell, result);
  if (medians.length > 1) printRatios(medians);
}

async function measure(subject, { variant, clusters, endpoints, streams }) {
  const [file, ...args] = subject.command(["--clusters", String(clusters), "--endpoints", String(endpoints)]);
  const server = start(file, args);
  try {
    const { port } = await server.next("port");
    const idle = rss(server.pid);
    const fleetArgs = ["--port", port, "--streams", streams, "--clusters", clusters, "--variant", variant].map(String);
    const fleet = start(process.execPath, [here("fleet.mjs"), ...fleetArgs]);
    try {
      const { started } = await fleet.next("started");
      const { configured } = await fleet.next("configured");
      const latencies = [];
      const cpuBefore = cpu(server.pid);
      for (let change = 1; change <= Number(values.changes); change += 1) {
        server.send(`change ${change}`);
        const { changed } = await server.next("changed");
        const { arrivals } = await fleet.next("arrivals");
        latencies.push(arrivals.map((at) => at - changed).sort((a, b) => a - b));
      }
      const cpuPerChange = (cpu(server.pid) - cpuBefore) / Number(values.changes);
      const at = (share) => middle(latencies.map((sorted) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]));
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

/** A child that says JSON lines. It ends when its standard input does. */
function start(file, args) {
  const child = spawn(file, args, { stdio: ["pipe", "pipe", "inherit"] });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    pid: child.pid,
    send: (line) => child.stdin.write(`${line}\n`),
    async next(key) {
      for (;;) {
        const { value, done } = await lines.next();
        if (done) throw new Error(`${file} ended before it said ${key}`);
        const message = JSON.parse(value);
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
function cpu(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Resident kilobytes. */
function rss(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]);
}

function middle(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

function medianOf(results) {
  return Object.fromEntries(Object.keys(results[0]).map((key) => [key, middle(results.map((result) => result[key]))]));
}

function print({ variant, streams, clusters, endpoints }, r) {
  const cell = (value, width, digits = 0) => value.toFixed(digits).padStart(width);
  console.log(
    `${variant.padEnd(7)} ${cell(streams, 7)} ${cell(clusters, 8)} ${cell(endpoints, 9)} ${r.name.padEnd(12)} ${cell(r.storm, 9)} ${cell(r.p50, 7, 1)} ${cell(r.p99, 7, 1)} ${cell(r.last, 7, 1)} ${cell(r.cpu, 14, 1)} ${cell(r.memory, 3)} ${cell(r.perStream, 10)}`,
  );
}

function printRatios([ours, ...others]) {
  const ratio = (key) => (ours[key] / Math.min(...others.map((other) => other[key]))).toFixed(2);
  console.log(
    `        against the better of the others: storm ${ratio("storm")}, p99 ${ratio("p99")}, CPU ${ratio("cpu")}, memory per stream ${ratio("perStream")}`,
  );
}
