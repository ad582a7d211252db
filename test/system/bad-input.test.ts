/** Wrong input gets a message that names what is wrong and the fix, and nothing that runs is lost. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { legationCommand, openSandbox, type Sandbox, startConsul, until } from "@legation/local";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { limitMs, untilUsable, useMesh } from "./fixture.js";

interface Run {
  readonly code: number | null;
  readonly output: string;
}

/** Runs `legation` to its end, or until `enough` of its output was seen; then it is ended. */
async function legation(args: readonly string[], env: Record<string, string> = {}, enough?: RegExp): Promise<Run> {
  const child = spawn(process.execPath, [legationCommand, ...args], { env: { ...process.env, ...env } });
  let output = "";
  const exited = new Promise<number | null>((resolve) => child.once("close", resolve));
  let ended = false;
  void exited.then(() => {
    ended = true;
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  try {
    await until(() => ended || (enough?.test(output) ?? false), {
      what: `legation ${args[0]} to ${enough ? `say ${enough}` : "end"}; it said:\n${output}`,
      limitMs,
    });
  } finally {
    child.kill("SIGKILL");
  }
  return { code: await exited, output };
}

describe("the agent's configuration", () => {
  let dir = "";
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), "legation-bad-"));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  const file = (text: string) => {
    const path = join(dir, "service.yaml");
    writeFileSync(path, text);
    return path;
  };

  it.each([
    ["an unknown key", "name: orders\nport: 80\nprotocl: http\n", [/service\.yaml:3/, /protocl/, /Did you mean protocol\?/]],
    ["a wrong value", "name: orders\nport: eighty\n", [/service\.yaml:2: port/, /whole number/]],
    ["a port out of range", "name: orders\nport: 70000\n", [/port/, /65535/]],
    ["a name that is no DNS label", "name: Orders_Service!\nport: 80\n", [/service\.yaml:1: name/, /DNS label|letters, digits/]],
    ["a dependency on itself", "name: orders\nport: 80\ndependencies: [orders]\n", [/dependencies/, /itself/]],
    ["a duration without a unit", "name: orders\nport: 80\nheartbeat: 5\n", [/service\.yaml:3: heartbeat/, /5s/]],
  ])("refuses %s, with file, path and fix", async (_what, text, messages) => {
    const run = await legation(["agent", "--config", file(text)]);
    expect(run.code).toBe(2);
    for (const message of messages) expect(run.output).toMatch(message);
    expect(run.output).not.toMatch(/at .*\.js:\d+/);
  });

  it("shows the origin of each value", async () => {
    const run = await legation(["agent", "--config", file("name: orders\nport: 80\n"), "--print-config", "--version", "2.0.0"], {
      SERVICE_TAGS: "a,b",
    });
    expect(run.code).toBe(0);
    expect(run.output).toMatch(/name: orders +# .*service\.yaml:1/);
    expect(run.output).toMatch(/tags: .*a, b.* +# SERVICE_TAGS/);
    expect(run.output).toMatch(/version: "?2\.0\.0"? +# --version/);
    expect(run.output).toMatch(/interval: 30s +# default/);
  });

  it("says which Envoy is missing and how to get one", async () => {
    const run = await legation(["agent", "--config", file("name: orders\nport: 80\n"), "--state-dir", dir], {
      ENVOY_BIN: "/no/such/envoy",
    });
    expect(run.code).not.toBe(0);
    expect(run.output).toMatch(/ENVOY_BIN/);
    expect(run.output).toMatch(/\/no\/such\/envoy/);
  });
});

describe("the control plane", () => {
  const sandbox: Sandbox = openSandbox();
  afterAll(() => sandbox.stop());
  let consul = "";
  beforeAll(async () => {
    consul = (await startConsul(sandbox, { config: { acl: { enabled: true, default_policy: "allow" } } })).url;
  });

  it("says which port is in use, and by what flag to change it", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    try {
      const run = await legation([
        "control-plane",
        "--consul-addr",
        consul,
        "--xds-addr",
        "127.0.0.1:0",
        "--http-addr",
        `127.0.0.1:${port}`,
        "--state-dir",
        sandbox.makeDir("taken"),
      ]);
      expect(run.code).not.toBe(0);
      expect(run.output).toMatch(new RegExp(`port ${port} is in use`));
      expect(run.output).toMatch(/--http-addr/);
    } finally {
      server.close();
    }
  });

  it("waits for a Consul that does not answer, and says so", async () => {
    const free = await sandbox.ports.free();
    const args = [
      "control-plane",
      "--consul-addr",
      `http://127.0.0.1:${free}`,
      "--xds-addr",
      "127.0.0.1:0",
      "--http-addr",
      "127.0.0.1:0",
      "--state-dir",
      sandbox.makeDir("lonely"),
    ];
    const run = await legation(args, {}, /consul\.unreachable|cannot reach Consul|Consul .*does not answer/i);
    expect(run.output).toMatch(new RegExp(String(free)));
  });

  it("says that the token is wrong, and how to give another", async () => {
    const args = [
      "control-plane",
      "--consul-addr",
      consul,
      "--xds-addr",
      "127.0.0.1:0",
      "--http-addr",
      "127.0.0.1:0",
      "--state-dir",
      sandbox.makeDir("denied"),
    ];
    const run = await legation(
      args,
      { CONSUL_HTTP_TOKEN: "11111111-2222-3333-4444-555555555555" },
      /consul\.forbidden|ACL|service_prefix|token/,
    );
    expect(run.output).toMatch(/token/);
  });

  it("refuses to serve plain text both to everybody and to nobody", async () => {
    const args = [
      "--consul-addr",
      consul,
      "--xds-addr",
      "127.0.0.1:0",
      "--http-addr",
      "127.0.0.1:0",
      "--state-dir",
      sandbox.makeDir("open"),
    ];
    const run = await legation(["control-plane", ...args, "--insecure-xds", "--xds-plaintext", "off"]);
    expect(run.code).toBe(2);
    expect(run.output).toMatch(/give one of the two/);
  });
});

describe("names and instances", () => {
  const state = useMesh({}, async (mesh) => {
    const orders = await mesh.startService({ name: "orders" });
    const web = await mesh.startService({ name: "web", dependencies: ["orders", "nowhere?"] });
    return { orders, web };
  });

  it("an unknown dependency is answered at once, names itself, and harms no other", async () => {
    const { orders, web } = state();
    await untilUsable(web, "orders", [orders]);
    const problems = await state().mesh.controlPlane.get<{ problems: { service: string; message: string }[] }>("/health");
    expect(JSON.stringify(problems)).toMatch(/nowhere/);
  });

  it("an instance id that another agent holds is refused with both named, and the first goes on", async () => {
    const { mesh, orders, web } = state();
    const twin = await legation(
      [
        ...["agent", "--name", "orders", "--id", "orders-1", "--host", "127.0.0.1", "--port", String(await mesh.sandbox.ports.free())],
        ...["--consul-addr", mesh.consul.url, "--control-plane-xds", mesh.controlPlane.xds, "--control-plane-api", mesh.controlPlane.api],
        ...[
          "--state-dir",
          mesh.sandbox.makeDir("twin"),
          "--admin-addr",
          "127.0.0.1:0",
          "--inbound-addr",
          "127.0.0.1:0",
          "--outbound-addr",
          "127.0.0.1:0",
          "--envoy-admin-addr",
          "127.0.0.1:0",
        ],
      ],
      {},
      /registered by another|already registered|duplicate/i,
    );
    expect(twin.output).toMatch(/orders-1/);
    await untilUsable(web, "orders", [orders]);
  });
});
