/** `npm run bench -- cli`: how long each command takes from its start to its end on a running mesh, beside Node that does nothing. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { legationCommand, type Mesh, startMesh } from "@legation/local";

const help = `npm run bench -- cli [--rounds 15]

Starts Consul, a control plane and two services with their Envoys, and runs every command that asks so many times, in turn with
"node -e 0", as processes of their own. Wall is the median from start to end, CPU the mean of what the process took, and the ratio is
that CPU over the one of "node -e 0", which does not depend on what else the machine does.
`;

/** The command lines. `file` is a policy that changes nothing. */
const lines = (file: string, proxy: string): readonly (readonly string[])[] => [
  ["version"],
  ["--help"],
  ["services", "--help"],
  ["status"],
  ["services"],
  ["services", "--json"],
  ["proxies"],
  ["proxies", proxy],
  ["agents"],
  ["graph"],
  ["ledger"],
  ["events"],
  ["instances"],
  ["why-not", "web-1"],
  ["explain", "GET", "http://orders/", "--from", "web"],
  ["intentions"],
  ["intentions", "check", "web", "orders"],
  ["audit"],
  ["security-events"],
  ["policy", "list"],
  ["policy", "history"],
  ["policy", "check", "-f", file],
  ["policy", "plan", "-f", file],
  ["policy", "apply", "-f", file],
  ["check-now", "web-1"],
  ["completion", "candidates", "--", "intentions", "check", ""],
];

const ticksPerSecond = 100;
/** What is promised of each command; milliseconds. */
const promised = 300;

/** One process. */
interface Taken {
  readonly wall: number;
  readonly code: number;
}

/** Runs the bench and returns the exit code: 1 when a command fails. */
export async function run(args: readonly string[]): Promise<number> {
  const options = { rounds: { type: "string", default: "15" }, help: { type: "boolean", default: false } } as const;
  const { values } = parseArgs({ args: [...args], options });
  if (values.help) {
    console.log(help);
    return 0;
  }
  const mesh = await startMesh();
  try {
    await mesh.startService({ name: "orders" });
    const web = await mesh.startService({ name: "web", dependencies: ["orders"] });
    return await measure(mesh, web.stateDir, Number(values.rounds));
  } finally {
    await mesh.stop();
  }
}

async function measure(mesh: Mesh, stateDir: string, rounds: number): Promise<number> {
  const file = join(mesh.sandbox.dir, "orders.yaml");
  writeFileSync(file, "apiVersion: legation/v1\nkind: Service\nname: orders\ntimeouts: { request: 30s }\n");
  const env = { ...process.env, LEGATION_API: mesh.controlPlane.api, LEGATION_STATE_DIR: stateDir };
  const legation = (line: readonly string[]) => runOnce(process.execPath, [legationCommand, ...line], env);
  await legation(["policy", "apply", "-f", file]);
  const bare: number[] = [];
  let bareCpu = 0;
  let failed = 0;
  const rows: { readonly line: string; readonly wall: number; readonly cpu: number }[] = [];
  for (const line of lines(file, `${mesh.consul.node}/web-1`)) {
    const walls: number[] = [];
    let cpu = 0;
    for (let round = 0; round < rounds; round++) {
      const before = childrenCpu();
      bare.push((await runOnce(process.execPath, ["-e", "0"], env)).wall);
      const between = childrenCpu();
      const { wall, code } = await legation(line);
      const after = childrenCpu();
      bareCpu += between - before;
      cpu += after - between;
      walls.push(wall);
      if (code !== 0 && round === 0) {
        console.error(`legation ${line.join(" ")} ended with ${code}`);
        failed++;
      }
    }
    rows.push({ line: line.join(" ").replace(file, "FILE"), wall: median(walls), cpu: cpu / rounds });
  }
  const base = { wall: median(bare), cpu: bareCpu / bare.length };
  console.log(`${rounds} rounds; milliseconds; promised: ${promised} from start to end\n`);
  console.log(row("command", "wall", "CPU", "CPU ratio"));
  console.log(row("node -e 0", base.wall.toFixed(0), base.cpu.toFixed(0), "1.00"));
  for (const { line, wall, cpu } of rows)
    console.log(row(`legation ${line}`, wall.toFixed(0), cpu.toFixed(0), (cpu / base.cpu).toFixed(2)));
  const slow = rows.filter(({ wall }) => wall > promised).map(({ line }) => line);
  console.log(slow.length === 0 ? "\nEach within the promise." : `\nOver the promise: ${slow.join("; ")}`);
  return failed === 0 ? 0 : 1;
}

async function runOnce(file: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Taken> {
  const begin = performance.now();
  const child = spawn(file, args, { env, stdio: "ignore" });
  const [code] = (await once(child, "exit")) as [number | null];
  return { wall: performance.now() - begin, code: code ?? -1 };
}

/** What all children that have ended took of the CPU; milliseconds. */
function childrenCpu(): number {
  const stat = readFileSync("/proc/self/stat", "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[13]) + Number(fields[14])) * 1_000) / ticksPerSecond;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function row(command: string, ...figures: readonly string[]): string {
  return `${command.padEnd(56)}${figures.map((figure) => figure.padStart(10)).join("")}`;
}
