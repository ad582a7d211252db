/** `legation dev`: two services on one machine, called through the mesh, changed while they run, and nothing left behind, not even by a kill. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { legationCommand, openSandbox, type Sandbox, until } from "@legation/local";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

interface Address {
  readonly service: string;
  readonly id: string;
  readonly direct: string;
  readonly mesh: string;
  readonly host: string | null;
}

interface Addresses {
  readonly consul: string;
  readonly api: string;
  readonly services: readonly Address[];
  readonly waiting: readonly string[];
}

const dir = mkdtempSync(join(tmpdir(), "legation-dev-test-"));
const sample = join(dir, "sample");
const state = join(dir, "state");
const policies = join(dir, "policies");
const web = join(sample, "web.yaml");
let ports: Sandbox;
let dev: ChildProcess | undefined;
const started: ChildProcess[] = [];
let log = "";

beforeAll(async () => {
  ports = openSandbox();
  mkdirSync(policies);
  writePolicy("5s");
  execFileSync(process.execPath, [legationCommand, "dev", "--sample", sample]);
  for (const name of ["web", "orders"]) edit(join(sample, `${name}.yaml`), /^port: .*$/m, `port: ${await ports.ports.free()}`);
});

afterAll(async () => {
  for (const child of started) child.kill("SIGKILL");
  await ports.stop();
  await gone();
  rmSync(dir, { recursive: true, force: true });
});

/** How long a request to orders may take. */
function writePolicy(request: string): void {
  const document = `apiVersion: legation/v1\nkind: Service\nname: orders\ntimeouts: { request: ${request} }\n`;
  writeFileSync(join(policies, "orders.yaml"), document);
}

function edit(path: string, from: RegExp, to: string): void {
  const text = readFileSync(path, "utf8");
  expect(text).toMatch(from);
  writeFileSync(path, text.replace(from, to));
}

/** Starts it, and resolves to the line that says where everything is. */
async function start(): Promise<Addresses> {
  const args = ["dev", web, join(sample, "orders.yaml"), "--policies", policies, "--state-dir", state, "--json"];
  const child = spawn(process.execPath, [legationCommand, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  dev = child;
  started.push(child);
  child.stderr.on("data", (part) => {
    log += part;
  });
  const [line] = (await Promise.race([once(createInterface({ input: child.stdout }), "line"), once(child, "close")])) as [unknown];
  if (typeof line !== "string") throw new Error(`legation dev ended before everything served:\n${log.slice(-3_000)}`);
  return JSON.parse(line) as Addresses;
}

/** The processes that carry the directory in their arguments. */
function processes(): string[] {
  return readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      return line.includes(dir) || readlinkSync(`/proc/${pid}/cwd`) === sample ? [`${pid} ${line}`] : [];
    } catch {
      return [];
    }
  });
}

function gone(): Promise<true> {
  return until(
    (note) => {
      note(processes());
      return processes().length === 0;
    },
    { what: "every process to have ended", limitMs: 20_000 },
  );
}

async function text(url: string, host?: string | null): Promise<string> {
  const args = ["-sS", "--max-time", "5", ...(host ? ["-H", `Host: ${host}`] : []), url];
  return execFileSync("curl", args, { encoding: "utf8" });
}

describe("legation dev", () => {
  it("starts the mesh, calls through it, follows changes of files and policies, and stops in order", async () => {
    const { services, api, consul, waiting } = await start();
    expect(waiting).toEqual([]);
    expect(services.map(({ id }) => id).sort()).toEqual(["orders-1", "web-1"]);
    const at = Object.fromEntries(services.map((service) => [service.service, service])) as Record<"web" | "orders", Address>;
    for (const name of ["web", "orders"] as const) {
      expect(await text(`${at[name].direct}/`)).toBe(`hello from ${name}\n`);
      expect(await text(`${at[name].mesh}/`, at[name].host)).toBe(`hello from ${name}\n`);
    }
    expect(await text(`${at.web.direct}/call`)).toBe("web asked orders: 200 hello from orders\n");
    expect(await text(`${consul}/v1/status/leader`)).toMatch(/:\d+/);
    expect(log).toMatch(/^orders {8}\| orders listens on \d+$/m);

    writePolicy("7s");
    edit(web, /CALLS: orders/, "CALLS: nobody");
    await until(async () => (await text(`${at.web.direct}/call`)).startsWith("web asked nobody:"), {
      what: "the new environment of web",
      limitMs: 20_000,
    });
    const shown = async () => (await text(`${api}/api/policies`)).includes('"request":"7s"');
    await until(shown, { what: "the policy to be in force", limitMs: 20_000 });

    writeFileSync(web, `${readFileSync(web, "utf8")}nonsense: true\n`);
    await until(() => log.includes("nonsense: there is no such key"), { what: "the complaint about web.yaml", limitMs: 20_000 });
    edit(web, /nonsense: true\n/, "");

    dev?.kill("SIGINT");
    expect(await once(dev as ChildProcess, "close")).toEqual([0, null]);
    await gone();
    const order = ["web-1 serves", "stopping: the services"].map((words) => log.lastIndexOf(words));
    expect(order).toEqual([...order].sort((a, b) => a - b));
  }, 45_000);

  it("leaves nothing behind when it is killed, and finds its state again", async () => {
    expect(existsSync(state)).toBe(true);
    const { services } = await start();
    expect(services).toHaveLength(2);
    expect(processes().length).toBeGreaterThan(5);
    dev?.kill("SIGKILL");
    await gone();
  }, 45_000);
});
