import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTestAuthority } from "@legation/runtime/testing";
import { afterEach, describe, expect, test } from "vitest";
import { call } from "./testing/capture.js";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => new Promise((resolve) => server.close(resolve)));
  return (server.address() as AddressInfo).port;
}

function fileWith(text: string): string {
  const directory = mkdtempSync(join(tmpdir(), "legation-cli-"));
  cleanups.push(() => rmSync(directory, { recursive: true }));
  const path = join(directory, "file");
  writeFileSync(path, text);
  return path;
}

const empty = JSON.stringify({ services: {} });

/** Answers with the services to who shows the token "right", else as a control plane does. */
const guarded: RequestListener = (request, response) => {
  const token = request.headers["x-consul-token"];
  const problem = (status: number, code: string, detail: string) => {
    response.writeHead(status, { "content-type": "application/problem+json", "retry-after": "7" });
    response.end(JSON.stringify({ status, code, detail }));
  };
  if (token === undefined) problem(401, "access.token-missing", "GET /services needs a token");
  else if (token === "weak") problem(403, "access.denied", 'Add to a policy of the token: service "orders" { policy = "read" }');
  else if (token === "hasty") problem(429, "access.too-many", "come again in 7 s");
  else if (token === "early") problem(503, "access.undecided", "Consul does not say");
  else response.end(empty);
};

describe("a control plane that asks for a token", () => {
  test.each([
    ["CONSUL_HTTP_TOKEN", "right", 0, "No service"],
    ["LEGATION_TOKEN", "right", 0, "No service"],
    ["NOTHING", "", 5, "needs a token"],
    ["LEGATION_TOKEN", "weak", 5, 'service "orders" { policy = "read" }'],
    ["LEGATION_TOKEN", "hasty", 1, "come again in 7 s"],
    ["LEGATION_TOKEN", "early", 3, "Consul does not say"],
  ])("with %s=%s: exit code %i", async (variable, token, code, text) => {
    const port = await listen(createServer(guarded));
    const done = await call(["services", "--api", `http://127.0.0.1:${port}`], { env: { [variable]: token } });
    expect([done.code, done.out + done.err]).toEqual([code, expect.stringContaining(text)]);
    if (token !== "") expect(done.err).not.toContain(`${token}"`);
  });

  test("gets it from a file, which stands above the environment; one that cannot be read is named", async () => {
    const port = await listen(createServer(guarded));
    const argv = ["services", "--api", `http://127.0.0.1:${port}`, "--token-file"];
    const env = { CONSUL_HTTP_TOKEN: "weak" };
    expect((await call([...argv, fileWith("right\n")], { env })).code).toBe(0);
    const missing = await call([...argv, "/nowhere/token"], { env });
    expect([missing.code, missing.err]).toEqual([2, expect.stringContaining("--token-file /nowhere/token")]);
  });

  test("that cannot decide is passed over for one that can", async () => {
    const first = await listen(createServer((_request, response) => void response.writeHead(503).end('{"code":"access.undecided"}')));
    const second = await listen(createServer(guarded));
    const env = { LEGATION_TOKEN: "right" };
    expect((await call(["services", "--api", `127.0.0.1:${first},127.0.0.1:${second}`], { env })).code).toBe(0);
  });
});

describe("a control plane that takes a request and hangs up", () => {
  async function twoPlanes(paths: string[]): Promise<string> {
    const first = await listen(createServer((request) => void request.resume().once("end", () => request.socket.destroy())));
    const second = await listen(
      createServer((request, response) => {
        paths.push(request.url ?? "");
        response.end(request.url === "/api/instances" ? '{"instances":[{"node":"n1","id":"o1","service":"orders"}],"silent":[]}' : "{}");
      }),
    );
    return `127.0.0.1:${first},127.0.0.1:${second}`;
  }

  test("may have done it: no other is asked to change the same, and the exit code is 4", async () => {
    const paths: string[] = [];
    const done = await call(["policy", "rollback", "3", "--api", await twoPlanes(paths)]);
    expect([done.code, done.err]).toEqual([4, expect.stringContaining("look before you repeat it")]);
    expect(paths).toEqual([]);
  });

  test("is passed over where the question changes nothing, and where it could not take it", async () => {
    const paths: string[] = [];
    const planes = await twoPlanes(paths);
    await call(["instances", "--api", planes]);
    const closed = createServer();
    const port = await listen(closed);
    await new Promise((resolve) => closed.close(resolve));
    await call(["policy", "rollback", "3", "--api", `127.0.0.1:${port},${planes.split(",")[1]}`]);
    expect(paths.slice(0, 2)).toEqual(["/api/instances", "/api/policies/rollback"]);
  });
});

describe("by TLS", () => {
  const authority = createTestAuthority();
  const serve = (service: string) =>
    listen(createSecureServer(authority.issue([`spiffe://mesh.test/ns/default/dc/dc1/svc/${service}`]), (_q, r) => void r.end(empty)));

  test("a control plane is known by its SPIFFE ID and Consul's roots, and nobody else is spoken to", async () => {
    const ca = fileWith(authority.ca);
    const plane = `https://127.0.0.1:${await serve("legation-control-plane")}`;
    expect((await call(["services", "--api", plane, "--ca-file", ca])).code).toBe(0);
    const untrusted = await call(["services", "--api", plane]);
    expect([untrusted.code, untrusted.err]).toEqual([3, expect.stringContaining("--ca-file")]);
    const impostor = await call(["services", "--api", `https://127.0.0.1:${await serve("web")}`, "--ca-file", ca]);
    expect([impostor.code, impostor.err]).toEqual([3, expect.stringContaining("no control plane's")]);
  });
});
