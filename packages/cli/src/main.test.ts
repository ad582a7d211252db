import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, it, vi } from "vitest";

const bin = fileURLToPath(new URL("../bin/legation.js", import.meta.url));

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

/** Starts the command as a process that does not outlive its test. */
function start(argv: readonly string[]) {
  const child = spawn(process.execPath, [bin, ...argv], { stdio: ["ignore", "pipe", "pipe"] });
  children.push(child);
  return child;
}

async function legation(...argv: string[]) {
  const child = start(argv);
  const text = { out: "", err: "" };
  child.stdout.on("data", (part) => {
    text.out += part;
  });
  child.stderr.on("data", (part) => {
    text.err += part;
  });
  const [code] = (await once(child, "close")) as [number];
  return { code, ...text };
}

/** A server that answers everything with `body`. */
async function serve(body: string) {
  const server = createServer((_request, response) => response.end(body));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const stop = () => {
    server.closeAllConnections();
    server.close();
  };
  return { address: `127.0.0.1:${typeof address === "object" && address ? address.port : 0}`, stop };
}

it("runs as a process: answers on stdout, complaints on stderr, exit codes for scripts", async () => {
  const [version, wrong, unreachable] = await Promise.all([
    legation("--version"),
    legation("servces"),
    legation("services", "--api", "127.0.0.1:1"),
  ]);
  expect(version).toEqual({ code: 0, out: expect.stringMatching(/^legation \d/), err: "" });
  expect(wrong).toEqual({ code: 2, out: "", err: "legation: servces is no command. Did you mean: legation services\n" });
  expect(unreachable).toMatchObject({ code: 3, out: "", err: expect.stringContaining("no control plane answers at http://127.0.0.1:1 ") });
});

it.each(["agent", "control-plane"])("shows the help of %s within 80 columns", async (command) => {
  const { code, out, err } = await legation(command, "--help");
  expect([code, err]).toEqual([0, ""]);
  expect(out).toContain(`legation ${command}`);
  expect(out.split("\n").filter((line) => line.length > 80)).toEqual([]);
});

it("goes on when nobody reads its log any more, and still stops in order", async () => {
  const folder = await mkdtemp(join(tmpdir(), "legation-cli-"));
  const addresses = ["--xds-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0", "--consul-addr", "127.0.0.1:1"];
  const child = start(["control-plane", ...addresses, "--state-dir", folder]);
  try {
    const closed = once(child, "close");
    await vi.waitFor(() => readFile(join(folder, "ready.json")), { timeout: 25_000, interval: 50 });
    child.stderr.destroy();
    child.stdout.resume();
    child.kill("SIGTERM");
    expect(await closed).toEqual([0, null]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

it("leaves in order after a SIGTERM that comes while the agent's code is still being loaded", async () => {
  const folder = await mkdtemp(join(tmpdir(), "legation-cli-"));
  try {
    const preload = join(folder, "terminate.cjs");
    await writeFile(
      preload,
      `const { _extensions } = require("node:module"); const load = _extensions[".js"];
      _extensions[".js"] = (...file) => { _extensions[".js"] = load; process.kill(process.pid, "SIGTERM"); load(...file); };`,
    );
    const service = join(folder, "service.yaml");
    await writeFile(service, "name: orders\nport: 8080\ndiscovery: false\nenvoy: { enabled: false }\n");
    const flags = ["--config", service, "--state-dir", join(folder, "state")];
    const child = spawn(process.execPath, ["--require", preload, bin, "agent", ...flags], { stdio: ["ignore", "ignore", "pipe"] });
    children.push(child);
    const log: string[] = [];
    child.stderr.on("data", (part) => log.push(String(part)));
    expect(await once(child, "close")).toEqual([0, null]);
    expect(log.join("")).toContain('"event":"agent.stopped"');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

it("hands over a long answer whole, more than a pipe takes at once", async () => {
  const api = await serve(JSON.stringify({ services: { long: "x".repeat(2_000_000) } }));
  const child = start(["services", "--json", "--api", api.address]);
  let length = 0;
  for await (const part of child.stdout) length += (part as Buffer).length;
  api.stop();
  expect(length).toBeGreaterThan(2_000_000);
});

it("ends quietly when the reader of its answer has gone", async () => {
  const many = Object.fromEntries(
    Array.from({ length: 5_000 }, (_, i) => [
      `service-${i}`,
      { protocol: "http", versions: [], dependencies: [], endpoints: { healthy: 1 }, problems: [] },
    ]),
  );
  const api = await serve(JSON.stringify({ services: many }));
  const child = start(["services", "--api", api.address]);
  const err: string[] = [];
  child.stderr.on("data", (part) => err.push(String(part)));
  child.stdout.once("data", () => child.stdout.destroy());
  const [code] = (await once(child, "close")) as [number];
  api.stop();
  expect([code, err.join("")]).toEqual([0, ""]);
});
