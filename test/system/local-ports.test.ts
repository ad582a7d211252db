/** Dependencies on local ports of their own: bytes for a database, HTTP without a Host header, through crashes and restarts of everything. */
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { httpSender, legationCommand, type ServiceProcess, until } from "@legation/local";
import { describe, expect, it } from "vitest";
import { limitMs, untilHealthy, untilUsable, useMesh } from "./fixture.js";

const greeter = fileURLToPath(new URL("./tcp-greeter.mjs", import.meta.url));

/** A connection as an application has it: what was said so far, and the end. */
interface Line {
  readonly socket: Socket;
  /** Resolves to the first line, or to why there is none. */
  readonly greeting: Promise<string>;
  /** Resolves when the connection has ended, to why. */
  readonly end: Promise<string>;
  /** Says a word and resolves when it has come back; rejects when the connection ends before. */
  repeat(word: string): Promise<void>;
}

function open(port: number): Line {
  const socket = connect(port, "127.0.0.1");
  let heard = "";
  let ended: string | undefined;
  const hear = (wanted: (heard: string) => boolean) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (wanted(heard)) resolve();
        else if (ended !== undefined) reject(new Error(ended));
        else socket.once("heard", look);
      };
      look();
    });
  const tell = () => socket.emit("heard");
  const end = (why: string) => {
    ended ??= why;
    tell();
  };
  socket.setTimeout(20_000, () => end("silent for 20 s"));
  socket.on("data", (chunk) => {
    heard += String(chunk);
    tell();
  });
  socket.on("error", (error) => end(error.message));
  socket.on("close", () => end("closed"));
  return {
    socket,
    greeting: hear((text) => text.includes("\n")).then(
      () => heard.split("\n")[0] ?? "",
      (error: Error) => error.message,
    ),
    end: hear(() => false).then(
      () => "",
      (error: Error) => error.message,
    ),
    async repeat(word) {
      const from = heard.length;
      socket.write(word);
      await hear((text) => text.slice(from).includes(word));
    },
  };
}

/** One connection: who greeted, or why nobody did. */
async function greeted(port: number): Promise<string> {
  const line = open(port);
  const greeting = await line.greeting;
  line.socket.destroy();
  return greeting;
}

/** A new connection every 20 ms until it is stopped; resolves to the greetings with the times at which they were asked for. */
function knock(port: number): { stop(): Promise<{ at: number; greeting: string }[]> } {
  const asked: Promise<{ at: number; greeting: string }>[] = [];
  const timer = setInterval(() => {
    const at = performance.now();
    asked.push(greeted(port).then((greeting) => ({ at, greeting })));
  }, 20);
  return {
    async stop() {
      clearInterval(timer);
      return Promise.all(asked);
    },
  };
}

describe("a dependency on a local port of its own", () => {
  const state = useMesh({}, async (mesh) => {
    const database = {
      name: "db",
      command: [process.execPath, greeter],
      config: { protocol: "tcp", health: { tcp: true, interval: "1s", timeout: "1s", failureThreshold: 2, recoveryThreshold: 1 } },
    };
    const dbs: ServiceProcess[] = [];
    for (const id of ["db-1", "db-2", "db-3"]) dbs.push(await mesh.startService({ ...database, id }));
    const orders = await mesh.startService({ name: "orders" });
    const [dbPort, ordersPort] = [await mesh.sandbox.ports.free(), await mesh.sandbox.ports.free()];
    const dependencies = [{ name: "db", localPort: dbPort }, `orders:${ordersPort}`];
    const web = await mesh.startService({ name: "web", config: { dependencies, drain: { limit: "2s" } } });
    await untilUsable(web, "db", dbs);
    return { dbs, orders, web, dbPort, ordersPort };
  });
  const names = ["db-1", "db-2", "db-3"];
  const good = (greetings: readonly { greeting: string }[]) => greetings.filter(({ greeting }) => names.includes(greeting)).length;

  it("reaches each of its instances, which speaks first, and carries bytes both ways", async () => {
    const seen = new Set<string>();
    // The chance that 60 even picks miss one of three is 3 × (2/3)^60, less than one in ten thousand million.
    for (let i = 0; i < 60; i++) seen.add(await greeted(state().dbPort));
    expect([...seen].sort()).toEqual(names);
    const line = open(state().dbPort);
    await line.greeting;
    await line.repeat("select 1");
    line.socket.destroy();
  });

  it("is answered over HTTP without its name where it speaks HTTP, and a tcp one says over HTTP how it is reached", async () => {
    const { ordersPort, web } = state();
    const answer = await fetch(`http://127.0.0.1:${ordersPort}/`);
    expect([answer.status, answer.headers.get("x-answered-by")]).toEqual([200, "orders-1"]);
    const sender = httpSender({ url: web.outbound, headers: { host: "db" } });
    expect(await sender.send()).toMatchObject({ ok: false, reason: expect.stringMatching(/^502.*db speaks tcp/) });
    sender.close();
  });

  it("keeps its open connections when the service's policy changes, and ends silent ones when that says so", async () => {
    const { mesh, web, dbPort } = state();
    const file = join(mesh.sandbox.makeDir("operator"), "db.yaml");
    const apply = async (fields: string) => {
      writeFileSync(file, `apiVersion: legation/v1\nkind: Service\nname: db\n${fields}`);
      const args = [legationCommand, "policy", "apply", "-f", file, "--api", mesh.controlPlane.api];
      await promisify(execFile)(process.execPath, args, { timeout: limitMs });
    };
    const limit = async () => JSON.stringify(await web.envoy.configDump()).includes('"max_connections":77');
    const line = open(dbPort);
    await line.greeting;
    await apply("limits: { connections: 77 }\n");
    await until(limit, { what: "the cluster's new limit", limitMs });
    await line.repeat("still here");
    line.socket.destroy();
    await apply("timeouts: { idle: 200ms }\n");
    const ended = async () => {
      const silent = open(dbPort);
      await silent.greeting;
      const later = new Promise<string>((resolve) => setTimeout(resolve, 2_000, "open after 2 s"));
      const why = await Promise.race([silent.end, later]);
      silent.socket.destroy();
      return why === "closed";
    };
    await until(ended, { what: "a silent connection to be ended", limitMs });
    await apply("limits: { connections: 77 }\n");
    await until(async () => !(await ended()), { what: "silent connections to stay open again", limitMs });
  });

  it("goes to another instance at once when one is killed with its Envoy and its agent, and not one connection fails", async () => {
    const { dbs, web, dbPort } = state();
    const [first] = dbs as [ServiceProcess];
    const knocking = knock(dbPort);
    await first.kill9("all");
    await untilHealthy(web, "db", dbs.slice(1));
    const greetings = await knocking.stop();
    expect(good(greetings)).toBe(greetings.length);
    await first.restart();
    await untilHealthy(web, "db", dbs);
  });

  it("goes to another instance as soon as the agent has seen its application die", async () => {
    const { dbs, web, dbPort } = state();
    const second = dbs[1] as ServiceProcess;
    const knocking = knock(dbPort);
    await second.kill9("app");
    const others = [dbs[0], dbs[2]] as ServiceProcess[];
    await untilHealthy(web, "db", others);
    const gone = performance.now();
    await untilHealthy(web, "db", dbs);
    const greetings = await knocking.stop();
    expect(good(greetings.filter(({ at }) => at > gone))).toBe(greetings.filter(({ at }) => at > gone).length);
    expect(greetings.filter(({ greeting }) => !names.includes(greeting)).length).toBeLessThan(greetings.length / 2);
  });

  it("is served by the Envoy that takes over in a hot restart, on the same port, without one failed connection", async () => {
    const { web, dbPort } = state();
    const before = await web.pids();
    const knocking = knock(dbPort);
    writeFileSync(web.configFile, `${readFileSync(web.configFile, "utf8")}zone: z2\n`);
    process.kill(before.agent, "SIGHUP");
    await until(() => readFileSync(web.log, "utf8").includes("envoy.parent-ended"), { what: "the Envoy before to end", limitMs });
    const greetings = await knocking.stop();
    expect((await web.pids()).envoy).not.toBe(before.envoy);
    expect(good(greetings)).toBe(greetings.length);
  });

  it("is there again, on the same port, after its Envoy was killed and after its agent was stopped and started", async () => {
    const { web, dbPort } = state();
    const before = await web.pids();
    await web.kill9("envoy");
    await until(async () => (await web.pids()).envoy !== before.envoy && (await web.envoy.ready()), { what: "a new Envoy", limitMs });
    await until(async () => names.includes(await greeted(dbPort)), { what: "the port behind the new Envoy", limitMs });
    await web.stop();
    expect(await greeted(dbPort)).toContain("ECONNREFUSED");
    await web.restart();
    await until(async () => names.includes(await greeted(dbPort)), { what: "the port behind the next agent's Envoy", limitMs });
  });
});
