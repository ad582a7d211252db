import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { call } from "./testing/capture.js";

interface Asked {
  readonly what: string;
  readonly body: unknown;
  readonly token: string | undefined;
}

let home: string;
let ends: (() => unknown)[];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "legation-cli-"));
  ends = [() => rmSync(home, { recursive: true, force: true })];
});
afterEach(async () => {
  for (const end of ends.reverse()) await end();
});

const step = { sequence: 8, level: "info", event: "leave.step", message: "step 1, out: Consul accepted (3 ms)" };

/** An agent whose state is in the home of the test: answers POST as `answer` says, and has one event to follow. */
async function agent(id: string, answer: (response: ServerResponse, request: IncomingMessage) => void, socket = false) {
  const asked: Asked[] = [];
  const followers: ServerResponse[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.once("end", () => {
      const text = Buffer.concat(chunks).toString();
      if (request.headers.accept === "text/event-stream") {
        followers.push(response);
        return void response.writeHead(200, { "content-type": "text/event-stream" }).write(": open\n\n");
      }
      if (request.method === "GET") return void response.end(JSON.stringify({ events: asked.length === 0 ? [{ sequence: 7 }] : [step] }));
      asked.push({ what: `${request.method} ${request.url}`, body: text && JSON.parse(text), token: request.headers.authorization });
      for (const follower of followers) follower.write(`id: 8\ndata: ${JSON.stringify(step)}\n\n`);
      answer(response, request);
    });
  });
  const path = join(home, `${id}.sock`);
  await new Promise<void>((resolve) => (socket ? server.listen(path, resolve) : server.listen(0, "127.0.0.1", resolve)));
  const address = socket ? `unix:${path}` : `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const stateDir = join(home, ".local", "state", "legation", id);
  mkdirSync(stateDir, { recursive: true });
  writeFileSync(join(stateDir, "admin.json"), JSON.stringify({ address, token: `token of ${id}` }));
  const stop = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  ends.push(stop);
  return { asked, address, stateDir, stop };
}

const legation = (...argv: string[]) => call(argv, { env: { HOME: home } });
const says =
  (body: object, status = 200) =>
  (response: ServerResponse) =>
    response.writeHead(status).end(JSON.stringify(body));
const drained = { success: true, state: "draining", already: false, steps: [{ step: "2", outcome: "o", laggards: ["n1/web-1"] }] };

describe("a command for an agent", () => {
  it("finds the only agent of the machine, shows each step, and says what was done", async () => {
    const { asked } = await agent("orders-1", says(drained));
    const { code, out, err } = await legation("drain", "--wait");
    expect([code, out]).toEqual([0, "drained, without the acknowledgement of n1/web-1\n"]);
    expect(err).toBe("step 1, out: Consul accepted (3 ms)\n");
    expect(asked).toEqual([{ what: "POST /v1/drain", body: { wait: true }, token: "Bearer token of orders-1" }]);
  });

  it("prints JSON alone for programs", async () => {
    await agent("orders-1", says(drained));
    const { code, out, err } = await legation("drain", "--wait", "--json");
    expect([code, err, JSON.parse(out)]).toEqual([0, "", drained]);
  });

  it("speaks through a Unix socket", async () => {
    const { asked } = await agent("orders-1", says({ success: true, state: "running", message: "acknowledged" }), true);
    expect(await legation("undrain")).toMatchObject({ code: 0, out: "in service; acknowledged\n" });
    expect(asked[0]?.what).toBe("POST /v1/undrain");
  });

  it.each([
    [["restart", "--force"], "POST /v1/restart", { force: true, wait: true }],
    [["maintenance", "on", "--reason", "new disk"], "POST /v1/maintenance", { enabled: true, reason: "new disk" }],
    [["maintenance", "off"], "POST /v1/maintenance", { enabled: false }],
    [["drain"], "POST /v1/drain", { wait: false }],
    [["check-now"], "POST /v1/check-now", {}],
  ])("%j asks for what it says", async (argv, what, body) => {
    const { asked } = await agent("orders-1", says({ success: true, message: "done" }));
    expect((await legation(...argv)).code).toBe(0);
    expect(asked).toMatchObject([{ what, body }]);
  });

  it("wants a name where several agents are known, and takes it, a state directory or an address", async () => {
    const one = await agent("orders-1", says({ success: true, message: "one" }));
    const two = await agent("orders-2", says({ success: true, message: "two" }));
    const { code, err } = await legation("undrain");
    expect([code, err]).toEqual([
      2,
      "legation undrain: several agents have run on this machine: orders-1, orders-2. Name one behind the command, or its directory with --state-dir\n",
    ]);
    expect((await legation("undrain", "orders-2")).out).toBe("two\n");
    expect((await legation("maintenance", "off", "orders-1")).out).toBe("one\n");
    expect((await legation("undrain", "--state-dir", one.stateDir)).out).toBe("one\n");
    expect((await legation("undrain", "--admin", `http://${two.address}`)).out).toBe("two\n");
    expect(two.asked.at(-1)?.token).toBe("Bearer token of orders-2");
    expect(await legation("undrain", "orders-3")).toMatchObject({ code: 2, err: expect.stringContaining("There are: orders-1, orders-2") });
  });

  it("says what to write when no agent is known", async () => {
    expect(await legation("drain")).toMatchObject({
      code: 2,
      err: expect.stringMatching(/no agent is found: there is no .*--state-dir.*--admin/),
    });
  });

  it("ends with 3 when the agent does not answer", async () => {
    const { stop } = await agent("orders-1", says({}));
    await stop();
    ends.pop();
    expect(await legation("drain")).toMatchObject({
      code: 3,
      err: expect.stringMatching(/does not answer \(ECONNREFUSED\)\. Does the agent run/),
    });
  });

  it("ends with 4 when the time is over and the work is not", async () => {
    await agent("orders-1", () => {});
    expect(await legation("drain", "--wait", "--timeout", "300ms")).toMatchObject({
      code: 4,
      err: expect.stringContaining("it is under way, and was not over within 0.3 s"),
    });
  });

  it("ends with 3 when the agent never took the request: nothing is under way", async () => {
    const deaf = createTcpServer(() => {});
    const sockets = new Set<Socket>();
    deaf.on("connection", (socket) => sockets.add(socket));
    await new Promise<void>((resolve) => deaf.listen(0, "127.0.0.1", resolve));
    ends.push(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => deaf.close(resolve));
    });
    const admin = `127.0.0.1:${(deaf.address() as AddressInfo).port}`;
    expect(await legation("drain", "--json", "--admin", admin, "--timeout", "200ms")).toMatchObject({
      code: 3,
      err: expect.stringContaining(`the agent at ${admin} did not take the request within 0.2 s, and nothing is under way`),
    });
  });

  it("refuses a token that no header can carry, and says where it stands", async () => {
    const { asked } = await agent("orders-1", says(drained));
    const { code, err } = await call(["drain"], { env: { HOME: home, LEGATION_ADMIN_TOKEN: "secret\nmore" } });
    expect([code, err]).toEqual([2, expect.stringContaining("LEGATION_ADMIN_TOKEN holds a line break")]);
    expect(err).not.toContain("secret");
    expect(asked).toEqual([]);
  });

  it("says when there was no maintenance to end", async () => {
    await agent("orders-1", says({ success: true, state: "running", already: true, message: "acknowledged" }));
    expect((await legation("maintenance", "off")).out).toBe("it was not in maintenance; in service; acknowledged\n");
  });

  it("shows what each check finds now", async () => {
    const results = [
      { check: "http", level: "HEALTHY", outcome: "pass", responseTimeMs: 12.5, message: "200" },
      { check: "tcp", level: "DEGRADED", outcome: "fail", responseTimeMs: 1, message: "refused" },
    ];
    await agent("orders-1", says({ success: true, level: "DEGRADED", results }));
    const { code, out } = await legation("check-now");
    expect(code).toBe(0);
    expect(out.split("\n").map((line) => line.trim().split(/ {2,}/))).toEqual([
      ["CHECK", "LEVEL", "FOUND", "TOOK", "WHAT"],
      ["http", "HEALTHY", "pass", "12.5 ms", "200"],
      ["tcp", "DEGRADED", "fail", "1 ms", "refused"],
      [""],
    ]);
    expect(JSON.parse((await legation("check-now", "--json")).out)).toMatchObject({ results });
  });

  it("waits no longer than it may for an agent that is frozen", async () => {
    const frozen = createServer(() => {});
    await new Promise<void>((resolve) => frozen.listen(0, "127.0.0.1", resolve));
    ends.push(async () => {
      frozen.closeAllConnections();
      await new Promise((resolve) => frozen.close(resolve));
    });
    const { code } = await legation("drain", "--admin", `127.0.0.1:${(frozen.address() as AddressInfo).port}`, "--timeout", "200ms");
    expect(code).toBe(4);
  });

  it("ends with 1 and the agent's words when it is refused", async () => {
    await agent(
      "orders-1",
      says({ success: false, message: "the restart limit of 3 attempts is used up; use force to start it again" }, 409),
    );
    const { code, err } = await legation("restart");
    expect([code, err.split("\n").slice(-3)]).toEqual([
      1,
      [
        "legation restart: the restart limit of 3 attempts is used up; use force to start it again",
        "Code agent.refused: explained at /docs/errors of a control plane",
        "",
      ],
    ]);
  });

  it.each([
    [["maintenance"], /: on\|off is missing\. Write: legation maintenance on --reason/],
    [["maintenance", "maybe"], /: "maybe" is not on or off\. Write: legation maintenance on, or/],
    [["drain", "--admin", "bad host"], /: --admin: "bad host" is not an address\. Write host:port or unix:\/path\n$/],
    [["drain", "a", "b"], /b: unexpected argument/],
    [["drain", "--timeout", "5"], /--timeout/],
  ])("refuses %j with 2", async (argv, message) => {
    const { code, err } = await legation(...argv);
    expect([code, err]).toEqual([2, expect.stringMatching(message)]);
  });

  it.each([["drain"], ["undrain"], ["restart"], ["maintenance"], ["check-now"]])("explains %s", async (name) => {
    const { code, out } = await legation(name, "--help");
    expect(code).toBe(0);
    for (const flag of ["--timeout", "--state-dir", "--admin", "--json"]) expect(out).toContain(flag);
  });
});
