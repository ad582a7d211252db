/** The built agent with a directory of services in a process of its own, as `legation agent --all` runs it. */
import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePorts } from "@legation/consul/testing";
import { systemClock } from "@legation/runtime";
import { readContact } from "../admin/contact.js";
import type { ServiceView } from "../fleet/view.js";
import { exchange } from "../http-exchange.js";
import { adoptProcess } from "../process/running.js";
import { removeCertificates } from "./agent-process.js";

const entry = fileURLToPath(new URL("../../dist/index.js", import.meta.url));
const main = `import(${JSON.stringify(entry)}).then(async (agent) => process.exit(await agent.runAgent(process.argv.slice(1), process)))`;

/** Answers 200 on HOST and PORT, but does not listen while the file FLAG holds "down"; then it exits with 3 at once. */
const application = `
const { readFileSync } = require("node:fs");
const down = () => { try { return readFileSync(process.env.FLAG, "utf8") === "down"; } catch { return false; } };
if (down()) process.exit(3);
const server = require("node:http").createServer((request, reply) => {
  if (request.url === "/crash") process.exit(3);
  reply.end(process.env.LEGATION_ADMIN);
});
server.listen(Number(process.env.PORT), process.env.HOST);
process.on("SIGTERM", () => process.exit(0));
`;

/** A line of the log. */
export interface LogEvent {
  readonly event: string;
  readonly id?: string;
  readonly time: string;
  readonly [key: string]: unknown;
}

/** A fleet under test. */
export interface FleetUnderTest {
  /** `http://127.0.0.1:PORT` of its API. */
  readonly api: string;
  /** Its service files. */
  readonly directory: string;
  readonly stateDir: string;
  /** Starts the agent; again after it ended, with the same state. */
  start(): void;
  /** Writes a service's file; its port is picked once. */
  write(name: string, config?: Readonly<Record<string, unknown>>): Promise<void>;
  /** Writes any file into the directory. */
  writeText(file: string, text: string): void;
  remove(name: string): void;
  portOf(name: string): number;
  /** True lets the service exit with 3 whenever it is started from now on. */
  setDown(name: string, down: boolean): void;
  services(): Promise<Readonly<Record<string, ServiceView>>>;
  ask(path: string, method?: "GET" | "POST", body?: unknown): Promise<{ readonly status: number; readonly body: string }>;
  events(): LogEvent[];
  signal(signal: NodeJS.Signals): void;
  readonly pid: number;
  /** Resolves to the exit code of the agent. */
  exited(): Promise<number | null>;
  /** Ends everything, whatever state it is in. */
  cleanUp(): Promise<void>;
}

/** Prepares a fleet; nothing runs before `start`. */
export async function prepareFleet(options: {
  readonly consul: string;
  readonly flags?: readonly string[];
  /** Without a directory of services. */
  readonly alone?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}): Promise<FleetUnderTest> {
  const root = mkdtempSync(join(tmpdir(), "legation-fleet-"));
  const directory = join(root, "services");
  const stateDir = join(root, "state");
  mkdirSync(directory);
  const [admin = 0] = await freePorts(1);
  const logPath = join(root, "agent.log");
  const ports = new Map<string, number>();
  const flagOf = (name: string): string => join(root, `${name}.flag`);
  let child: ChildProcess | undefined;
  let exit: Promise<number | null> = Promise.resolve(null);
  /** One that none of the others has: they may not listen yet. */
  const freshPort = async (): Promise<number> => {
    for (;;) {
      const [port = 0] = await freePorts(1);
      if (port !== admin && ![...ports.values()].includes(port)) return port;
    }
  };
  const tokenFor = (path: string): string => {
    const id = /^\/services\/([^/]+)/.exec(path)?.[1];
    return ((id && readContact(join(stateDir, id))) || readContact(stateDir))?.token ?? "";
  };
  const ask: FleetUnderTest["ask"] = (path, method = "GET", body) =>
    exchange(`http://127.0.0.1:${admin}${path}`, {
      timeoutMs: 10_000,
      method,
      body,
      headers: { authorization: `Bearer ${tokenFor(path)}` },
    });

  return {
    api: `http://127.0.0.1:${admin}`,
    directory,
    stateDir,
    start() {
      const all = options.alone ? [] : ["--all", directory];
      const flags = [...all, "--state-dir", stateDir, "--admin-addr", `127.0.0.1:${admin}`, "--consul-addr", options.consul];
      const started = spawn(process.execPath, ["-e", main, "--", ...flags, ...(options.flags ?? [])], {
        env: { ...process.env, CONSUL_HTTP_ADDR: "", ...options.env },
        stdio: ["ignore", "ignore", "pipe"],
      });
      started.stderr.pipe(createWriteStream(logPath, { flags: "a" }));
      child = started;
      exit = new Promise((resolve) => started.once("close", resolve));
    },
    async write(name, config = {}) {
      const port = ports.get(name) ?? (await freshPort());
      ports.set(name, port);
      const written = {
        name,
        id: `${name}-1`,
        port,
        command: [process.execPath, "-e", application],
        env: { FLAG: flagOf(name) },
        health: { interval: "200ms", startInterval: "50ms", timeout: "1s", recoveryThreshold: 1, http: { path: "/" } },
        heartbeat: "1s",
        drain: { wait: "50ms" },
        restart: { attempts: 1, base: "50ms" },
        consul: { compare: "500ms" },
        envoy: { enabled: false },
        ...config,
      };
      const lines = Object.entries(written).map(([key, value]) => `${key}: ${JSON.stringify(value)}`);
      writeFileSync(join(directory, `${name}.yaml`), `${lines.join("\n")}\n`);
    },
    writeText: (file, text) => writeFileSync(join(directory, file), text),
    remove: (name) => rmSync(join(directory, `${name}.yaml`)),
    portOf: (name) => ports.get(name) ?? 0,
    setDown: (name, down) => writeFileSync(flagOf(name), down ? "down" : "up"),
    async services() {
      const { services } = JSON.parse((await ask("/v1/services")).body) as { services: readonly ServiceView[] };
      return Object.fromEntries(services.map((service) => [service.service, service]));
    },
    ask,
    events: () =>
      (existsSync(logPath) ? readFileSync(logPath, "utf8") : "")
        .split("\n")
        .filter((line) => line.startsWith("{") && line.endsWith("}"))
        .map((line) => JSON.parse(line) as LogEvent),
    signal: (signal) => void child?.kill(signal),
    get pid() {
      return child?.pid ?? 0;
    },
    exited: () => exit,
    async cleanUp() {
      child?.kill("SIGKILL");
      await exit;
      const states = existsSync(stateDir) ? readdirSync(stateDir) : [];
      for (const id of states) removeCertificates(join(stateDir, id));
      for (const id of states)
        for (const record of ["app.json", "envoy.json"]) await adoptProcess(join(stateDir, id, record), systemClock)?.end(0);
      rmSync(root, { recursive: true, force: true });
    },
  };
}
