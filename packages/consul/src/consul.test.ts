import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { type Consul, createConsul } from "./consul.js";
import { ConsulError } from "./error.js";
import type { ConsulOptions } from "./options.js";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

async function against(handler: Handler, options: ConsulOptions = {}): Promise<{ consul: Consul; sockets: Set<Socket> }> {
  const sockets = new Set<Socket>();
  const server = createServer(handler).on("connection", (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const consul = createConsul({ address: `127.0.0.1:${(server.address() as AddressInfo).port}`, ...options });
  closers.push(() => {
    consul.close();
    server.close();
    server.closeAllConnections();
  });
  return { consul, sockets };
}

const json = (response: ServerResponse, value: unknown, headers: Record<string, string> = {}, status = 200) =>
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(value));
const text = (response: ServerResponse, status: number, body: string) =>
  response.writeHead(status, { "content-type": "text/plain" }).end(body);

async function failure(promise: Promise<unknown>): Promise<ConsulError> {
  const error = await promise.then(
    () => undefined,
    (e: unknown) => e,
  );
  if (!(error instanceof ConsulError)) throw new Error(`not a ConsulError: ${String(error)}`);
  return error;
}

describe("a read", () => {
  test("carries index, wait, filter and stale, the token and the data centre", async () => {
    const asked: IncomingMessage[] = [];
    const { consul } = await against(
      (request, response) => {
        asked.push(request);
        json(response, [1], { "x-consul-index": "42", "x-consul-lastcontact": "17", "x-consul-knownleader": "false" });
      },
      { token: "t", datacenter: "dc2" },
    );
    const answer = await consul.get<number[]>("/health/state/any", {
      index: 41,
      waitMs: 2_000,
      filter: 'Status != "passing"',
      stale: true,
      query: { near: "_agent", no: false, none: undefined },
    });
    expect(answer).toEqual({ data: [1], index: 42, knownLeader: false, lastContactMs: 17, filteredByAcl: false, bytes: 3 });
    const url = new URL(asked[0]?.url ?? "", "http://consul");
    expect(url.pathname).toBe("/v1/health/state/any");
    expect(Object.fromEntries(url.searchParams)).toEqual({
      dc: "dc2",
      near: "_agent",
      filter: 'Status != "passing"',
      stale: "",
      index: "41",
      wait: "2000ms",
    });
    expect(asked[0]?.headers["x-consul-token"]).toBe("t");
  });

  test("an answer that breaks off in its middle fails at once instead of at its timeout", async () => {
    const { consul } = await against((_, response) => {
      response.writeHead(200, { "content-type": "application/json", "content-length": "100" }).write('[{"Name":');
      setImmediate(() => response.destroy());
    });
    const error = await failure(consul.get("/catalog/services"));
    expect(error.code).toBe("consul.unreachable");
    expect(error.message).toContain("the answer broke off");
  });

  test("an abort ends it with the signal's reason, also while it waits for a free connection", async () => {
    const { consul } = await against(() => undefined, { maxConnections: 1 });
    const end = new AbortController();
    const reason = new Error("enough");
    const reads = [1, 2].map(() => consul.get("/x", { signal: end.signal }).catch((error: unknown) => error));
    setImmediate(() => end.abort(reason));
    expect(await Promise.all(reads)).toEqual([reason, reason]);
    await expect(consul.get("/x", { signal: end.signal })).rejects.toBe(reason);
  });

  test("a connection that Consul closed while it was idle is replaced without a failure", async () => {
    let requests = 0;
    const { consul } = await against((request, response) => {
      // The second request on a connection finds it closed.
      const socket = request.socket as Socket & { used?: boolean };
      if (socket.used) return void socket.destroy();
      socket.used = true;
      json(response, ++requests);
    });
    expect((await consul.get("/a")).data).toBe(1);
    expect((await consul.get("/a")).data).toBe(2);
    // What blocks on an index is not sent again by itself: the index may be of a Consul that is no more.
    expect((await failure(consul.get("/a", { index: 7 }))).code).toBe("consul.unreachable");
    expect((await consul.get("/a")).data).toBe(3);
    expect((await failure(consul.put("/a"))).code).toBe("consul.unreachable");
  });

  test("no more connections than allowed are opened, and they are used again", async () => {
    let open = 0;
    let most = 0;
    const { consul, sockets } = await against(
      (_, response) => {
        most = Math.max(most, ++open);
        setImmediate(() => {
          open--;
          json(response, 1);
        });
      },
      { maxConnections: 3 },
    );
    await Promise.all(Array.from({ length: 50 }, () => consul.get("/x")));
    expect(most).toBeLessThanOrEqual(3);
    expect(sockets.size).toBe(3);
  });

  test("what is no JSON is a bad answer", async () => {
    const { consul } = await against((request, response) => {
      if (request.url === "/v1/html") response.writeHead(200, { "content-type": "text/html" }).end("<html>");
      else response.writeHead(200, { "content-type": "application/json" }).end("[1,");
    });
    expect((await failure(consul.get("/html"))).message).toContain("text/html instead of JSON");
    expect((await failure(consul.get("/broken"))).code).toBe("consul.bad-answer");
  });
});

describe("a connection", () => {
  test("is used again, held by a question that takes its time, and closed when it has been idle for a second", async () => {
    const { consul, sockets } = await against((request, response) => {
      setTimeout(() => json(response, []), request.url?.startsWith("/v1/slow") ? 1_500 : 0);
    });
    await consul.get("/quick");
    await consul.get("/slow");
    expect(sockets.size).toBe(1);
    const [socket] = sockets;
    expect(socket?.destroyed).toBe(false);
    await new Promise<void>((resolve) => socket?.once("close", () => resolve()));
    await consul.get("/quick");
    expect(sockets.size).toBe(2);
  });
});

describe("a failure has a code and says what to do", () => {
  test.each([
    [403, "Permission denied: Missing service:write on web", "consul.forbidden", 'service "web" { policy = "write" }'],
    [500, "rpc error making call: Permission denied", "consul.forbidden", "Add to its policy"],
    [403, "ACL not found", "consul.forbidden", "CONSUL_HTTP_TOKEN"],
    [404, 'Unknown check ID "x"', "consul.not-found", "Unknown check ID"],
    [500, 'Unknown check "x"', "consul.not-found", "Unknown check"],
    [500, 'CheckID "x" does not have associated TTL', "consul.not-found", "associated TTL"],
    [500, "No cluster leader", "consul.no-leader", "elected"],
    [500, "rpc error making call: No known Consul servers", "consul.no-leader", "leader"],
    [500, "No path to datacenter", "consul.refused", "--datacenter"],
    [429, "Your IP is issuing too many concurrent connections, please rate limit your calls", "consul.busy", "http_max_conns_per_client"],
    [400, "Invalid check status: 'nix'", "consul.refused", "Invalid check status"],
    [500, "boom", "consul.bad-answer", "status 500: boom"],
  ])("%i %j is %s", async (status, body, code, advice) => {
    const { consul } = await against((_, response) => text(response, status, body));
    const error = await failure(consul.put("/agent/service/register", {}));
    expect([error.code, error.status]).toEqual([code, status]);
    expect(error.message).toContain(advice);
  });

  test("nobody listens", async () => {
    const { consul } = await against(() => undefined);
    for (const close of closers.splice(0)) close();
    const gone = createConsul({ address: consul.address });
    const error = await failure(gone.get("/agent/self"));
    gone.close();
    expect(error.code).toBe("consul.unreachable");
    expect(error.message).toMatch(/ECONNREFUSED.*Start Consul there, or give another address with --consul-addr or CONSUL_HTTP_ADDR/);
  });

  test("it accepts and never answers", async () => {
    const { consul } = await against(() => undefined);
    const error = await failure(consul.get("/agent/self", { timeoutMs: 20 }));
    expect(error.code).toBe("consul.unreachable");
    expect(error.message).toContain("timed out");
  });

  test("TLS spoken to a plain port points to the scheme and the certificates", async () => {
    const { consul } = await against(() => undefined);
    const tls = createConsul({ address: consul.address.replace("http:", "https:") });
    const error = await failure(tls.get("/agent/self"));
    tls.close();
    expect(error.message).toMatch(/CONSUL_CACERT.*http or https/);
  });

  test("takes a key that is not there for an answer where it is asked to, with the index at which it may come", async () => {
    const { consul } = await against((_, response) => response.writeHead(404, { "x-consul-index": "7" }).end());
    expect(await consul.get("/kv/a", { missing: true })).toMatchObject({ data: undefined, index: 7 });
    expect((await failure(consul.get("/kv/a"))).code).toBe("consul.not-found");
  });
});
