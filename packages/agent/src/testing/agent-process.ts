/** The built agent in a process of its own, as `legation agent` runs it, and the application that it starts. */
import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePorts } from "@legation/consul/testing";
import { systemClock } from "@legation/runtime";
import { readContact } from "../admin/contact.js";
import { type Answer, exchange } from "../http-exchange.js";
import { adoptProcess } from "../process/running.js";
import type { KeptState, ReadyFile } from "../state-dir.js";
import type { AgentStatus } from "../status.js";
import { until } from "./until.js";

const entry = fileURLToPath(new URL("../../dist/index.js", import.meta.url));
const main = `import(${JSON.stringify(entry)}).then(async (agent) => process.exit(await agent.runAgent(process.argv.slice(1), process)))`;

/** Answers on PORT: `/health` by the status in the file FLAG (200 without one), `/slow` after 1 s; ends a second of work after SIGTERM. */
const application = `
const { createServer } = require("node:http"); const { readFileSync } = require("node:fs");
const health = () => { try { return Number(readFileSync(process.env.FLAG, "utf8")); } catch { return 200; } };
const server = createServer((request, reply) => {
  if (request.url === "/health") return reply.writeHead(health()).end();
  if (request.url === "/slow") return setTimeout(() => reply.end("slow"), 1000);
  if (request.url === "/crash") process.exit(3);
  reply.end(process.env.SERVICE_ID);
});
server.listen(Number(process.env.PORT), process.env.HOST, () => console.log("listening"));
process.on("SIGTERM", () => { console.log("asked to stop"); server.close(() => process.exit(7)); server.closeIdleConnections(); });
`;

/** One instance under test. */
export interface AgentUnderTest {
  readonly id: string;
  readonly port: number;
  readonly inbound: number;
  readonly directory: string;
  /** Starts the agent; again after it ended, with the same state. */
  start(extra?: readonly string[]): void;
  /** What the agent wrote to standard error, parsed: the structured log. */
  events(): { readonly event: string; readonly [key: string]: unknown }[];
  log(): string;
  ready(limitMs?: number): Promise<ReadyFile>;
  status(): Promise<AgentStatus>;
  /** POST to a path of version 1 of the API. */
  post(path: string, body?: unknown): Promise<Answer>;
  ask(method: "GET" | "POST", path: string, body?: unknown): Promise<Answer>;
  /** What the application answers to its health check from now on. */
  setHealth(status: number): void;
  signal(signal: NodeJS.Signals): void;
  /** Resolves to the exit code of the agent. */
  exited(): Promise<number | null>;
  /** Ends everything, whatever state it is in. */
  cleanUp(): Promise<void>;
}

/** Removes what lies outside of an instance's state directory. */
export function removeCertificates(stateDir: string): void {
  const kept = join(stateDir, "kept.json");
  const { certificates } = existsSync(kept) ? (JSON.parse(readFileSync(kept, "utf8")) as KeptState) : {};
  if (certificates !== undefined) rmSync(certificates, { recursive: true, force: true });
}

/** Prepares an instance; nothing runs before `start`. */
export async function prepareAgent(options: {
  readonly consul: string;
  readonly name?: string;
  readonly id?: string;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Of its own unless given. */
  readonly stateDir?: string;
}): Promise<AgentUnderTest> {
  const { name = "orders" } = options;
  const id = options.id ?? `${name}-1`;
  const directory = mkdtempSync(join(tmpdir(), "legation-agent-"));
  const [port = 0, admin = 0, inbound = 0, outbound = 0, envoyAdmin = 0] = await freePorts(5);
  const flag = join(directory, "health-status");
  const logPath = join(directory, "agent.log");
  const config: Record<string, unknown> = {
    name,
    id,
    port,
    command: [process.execPath, "-e", application],
    env: { FLAG: flag },
    health: { http: { path: "/health" }, interval: "200ms", startInterval: "50ms", timeout: "1s", recoveryThreshold: 1 },
    heartbeat: "1s",
    drain: { wait: "100ms" },
    restart: { base: "100ms" },
    consul: { compare: "300ms" },
    envoy: { enabled: false },
    ...options.config,
  };
  writeFileSync(join(directory, "service.yaml"), JSON.stringify(config));
  const stateDir = options.stateDir ?? join(directory, "state");
  let child: ChildProcess | undefined;
  let exit: Promise<number | null> = Promise.resolve(null);

  const agent: AgentUnderTest = {
    id,
    port,
    inbound,
    directory,
    start(extra = []) {
      const flags = ["--config", join(directory, "service.yaml"), "--consul-addr", options.consul, "--state-dir", stateDir];
      flags.push("--admin-addr", `127.0.0.1:${admin}`, "--inbound-addr", `127.0.0.1:${inbound}`);
      flags.push("--outbound-addr", `127.0.0.1:${outbound}`, "--envoy-admin-addr", `127.0.0.1:${envoyAdmin}`, ...extra);
      const started = spawn(process.execPath, ["-e", main, "--", ...flags], {
        env: { ...process.env, CONSUL_HTTP_ADDR: "", ...options.env },
        stdio: ["ignore", "ignore", "pipe"],
      });
      const written = started.stderr.pipe(createWriteStream(logPath, { flags: "a" }));
      child = started;
      exit = new Promise((resolve) => {
        // The log is whole before anybody reads it.
        started.once("close", (code) => (written.writableFinished ? resolve(code) : written.once("finish", () => resolve(code))));
      });
    },
    events: () =>
      agent
        .log()
        .split("\n")
        .filter((line) => line.startsWith("{") && line.endsWith("}"))
        .map((line) => JSON.parse(line) as { event: string }),
    log: () => (existsSync(logPath) ? readFileSync(logPath, "utf8") : ""),
    ready: (limitMs = 20_000) =>
      until(
        `${id} is ready`,
        () => {
          const ready = JSON.parse(readFileSync(join(stateDir, "ready.json"), "utf8")) as ReadyFile;
          return ready.pids.agent === child?.pid && ready.pids.app !== undefined && ready;
        },
        limitMs,
      ).catch((error: Error) => {
        throw new Error(`${error.message}; the agent's log:\n${agent.log()}`, { cause: error.cause });
      }),
    status: async () => JSON.parse((await agent.ask("GET", "/v1/status")).body) as AgentStatus,
    post: (path, body) => agent.ask("POST", `/v1${path}`, body),
    ask: (method, path, body) =>
      exchange(`http://127.0.0.1:${admin}${path}`, {
        method,
        body,
        headers: { authorization: `Bearer ${readContact(stateDir)?.token}` },
        timeoutMs: 30_000,
      }),
    setHealth: (status) => writeFileSync(flag, String(status)),
    signal: (signal) => void child?.kill(signal),
    exited: () => exit,
    async cleanUp() {
      child?.kill("SIGKILL");
      await exit;
      for (const record of ["app.json", "envoy.json", "envoy-parent.json"]) await adoptProcess(join(stateDir, record), systemClock)?.end(0);
      removeCertificates(stateDir);
      rmSync(directory, { recursive: true, force: true });
    },
  };
  return agent;
}
