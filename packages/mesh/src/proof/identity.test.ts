import { once } from "node:events";
import { Agent, request } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Authority, createAuthority, type NodeCertificates } from "./authority.js";
import { type IdentityMesh, type Standing, startIdentityMesh } from "./identity-mesh.js";

const uriOf = (service: string, trustDomain = "test.consul") => `spiffe://${trustDomain}/ns/default/dc/dc1/svc/${service}`;
const issued: NodeCertificates[] = [];
let ours: Authority;
let others: Authority;
let web: NodeCertificates;
let orders: NodeCertificates;
const issue = (authority: Authority, o: Parameters<Authority["issue"]>[0]): NodeCertificates => {
  const certificates = authority.issue(o);
  issued.push(certificates);
  return certificates;
};
beforeAll(() => {
  ours = createAuthority("ours");
  others = createAuthority("others");
  web = issue(ours, { uri: uriOf("web") });
  orders = issue(ours, { uri: uriOf("orders") });
});
afterAll(() => {
  for (const certificates of issued) certificates.remove();
});

let mesh: IdentityMesh | undefined;
afterEach(async () => {
  await mesh?.stop();
  mesh = undefined;
});

/** How long the Envoys here let connections of a listener go on that has been replaced. */
const drainMs = 2_000;
const strict: Standing = { mode: "strict", tls: "required" };
const stat = async (envoy: IdentityMesh["caller"], name: string) => (await envoy.stats()).get(name) ?? 0;
/** TLS connections that the caller made to `orders`. */
const handshakes = ({ caller }: IdentityMesh) => stat(caller, "cluster.orders.ssl.handshake");

/** What plain HTTP at the callee's inbound port gets: a status, or "closed". */
async function plain(port: number): Promise<number | "closed"> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } })).status;
  } catch {
    return "closed";
  }
}

/** What a TLS client with these certificates gets at the inbound port: the first line of an answer, or "closed". */
function overTls(port: number, { leaf, key, roots }: Partial<NodeCertificates>): Promise<string> {
  return new Promise((resolve) => {
    const pair = leaf && key ? { cert: leaf, key } : {};
    const socket = connectTls({ host: "127.0.0.1", port, ca: roots ?? ours.root, ...pair, checkServerIdentity: () => undefined }, () =>
      socket.write("GET / HTTP/1.1\r\nhost: orders\r\nconnection: close\r\n\r\n"),
    );
    let answer = "";
    socket.on("data", (chunk) => {
      answer += String(chunk);
    });
    socket.on("error", () => resolve("closed"));
    socket.on("close", () => resolve(answer.split("\r\n")[0] || "closed"));
  });
}

describe("mutual TLS between two Envoys", () => {
  it.each(["http", "http2"] as const)("carries %s in strict, and plain text is closed", async (protocol) => {
    mesh = await startIdentityMesh({ caller: web, callee: orders, standing: strict, protocol });
    expect(await mesh.call()).toMatchObject({ status: 200 });
    expect(await handshakes(mesh)).toBeGreaterThan(0);
    expect(await plain(mesh.inbound)).toBe("closed");
  });

  it("carries tcp in strict, also from the local port of a caller, and plain text is closed", async () => {
    mesh = await startIdentityMesh({ caller: web, callee: orders, standing: strict, protocol: "tcp" });
    expect(await overTls(mesh.inbound, web)).not.toBe("closed");
    expect(await overTls(mesh.inbound, { roots: ours.root })).toBe("closed");
    expect(await plain(mesh.inbound)).toBe("closed");
    expect(await handshakes(mesh)).toBe(0);
    await untilFirstByte(await mesh.localPort());
    expect(await handshakes(mesh)).toBe(1);
  });

  it.each([
    ["at once in off", { mode: "off" }, false],
    ["after a while as long as a registration still says that TLS is taken", { mode: "off", tls: "accepted" }, true],
    ["after a while in permissive", { mode: "permissive" }, true],
  ] satisfies [string, Standing, boolean][])("takes a tcp client that says nothing for plain text %s", async (_, standing, waits) => {
    mesh = await startIdentityMesh({ caller: web, callee: orders, standing, protocol: "tcp" });
    const times: number[] = [];
    for (let turn = 0; turn < 5; turn++) {
      times.push(await untilFirstByte(mesh.inbound));
    }
    expect(Math.min(...times) >= 490).toBe(waits);
  });

  it.each([
    [{ mode: "off" }, false],
    [{ mode: "off", tls: "accepted" }, true],
    [{ mode: "permissive" }, false],
    [{ mode: "permissive", tls: "accepted" }, true],
    [{ mode: "strict", tls: "accepted" }, true],
  ] satisfies [Standing, boolean][])("with %j both ways are open, and the caller uses TLS: %s", async (standing, tls) => {
    mesh = await startIdentityMesh({ caller: web, callee: orders, standing });
    expect(await mesh.call()).toMatchObject({ status: 200 });
    expect((await handshakes(mesh)) > 0).toBe(tls);
    expect(await plain(mesh.inbound)).toBe(200);
    expect(await overTls(mesh.inbound, web)).toBe("HTTP/1.1 200 OK");
  });

  it("is not spoken by a caller without a certificate, which permissive serves and strict does not", async () => {
    mesh = await startIdentityMesh({ caller: undefined, callee: orders, standing: { mode: "permissive", tls: "accepted" } });
    expect(await mesh.call()).toMatchObject({ status: 200 });
    expect(await overTls(mesh.inbound, web)).toBe("HTTP/1.1 200 OK");
    expect(await stat(mesh.callee, "http.inbound.rbac.plaintext.shadow_denied")).toBe(1);
    mesh.change(strict, "callee");
    await expect.poll(async () => (await mesh?.call())?.status, { timeout: 20_000 }).toBe(503);
  });

  it("is never replaced by plain text in strict", async () => {
    mesh = await startIdentityMesh({ caller: web, callee: undefined, standing: { mode: "strict" } });
    expect(await plain(mesh.inbound)).toBe(200);
    expect(await mesh.call()).toMatchObject({ status: 503 });
  });
});

describe("a certificate that proves the wrong thing", () => {
  it.each<[string, () => NodeCertificates]>([
    ["names another service", () => issue(ours, { uri: uriOf("payments") })],
    ["names a service whose name begins the same", () => issue(ours, { uri: uriOf("orders2") })],
    ["is of another data centre", () => issue(ours, { uri: uriOf("orders").replace("/dc1/", "/dc2/") })],
    ["is of another trust domain", () => issue(ours, { uri: uriOf("orders", "other.consul") })],
    ["is signed by another authority", () => issue(others, { uri: uriOf("orders"), roots: ours.root })],
    ["has expired", () => issue(ours, { uri: uriOf("orders"), expired: true })],
  ])("is refused by the caller when the instance's %s", async (_, callee) => {
    mesh = await startIdentityMesh({ caller: web, callee: callee(), standing: strict });
    expect(await mesh.call()).toMatchObject({ status: 503 });
    const { caller } = mesh;
    const refused =
      (await stat(caller, "cluster.orders.ssl.fail_verify_san")) + (await stat(caller, "cluster.orders.ssl.fail_verify_error"));
    expect(refused).toBeGreaterThan(0);
  });

  it.each<[string, () => Partial<NodeCertificates>]>([
    ["is of another trust domain", () => issue(ours, { uri: uriOf("web", "other.consul") })],
    ["is of a trust domain that begins the same", () => issue(ours, { uri: uriOf("web", "test.consul.example") })],
    ["is signed by another authority", () => issue(others, { uri: uriOf("web"), roots: ours.root })],
    ["has expired", () => issue(ours, { uri: uriOf("web"), expired: true })],
    ["is missing", () => ({ roots: ours.root })],
  ])("is refused by the instance when the caller's %s", async (_, caller) => {
    mesh = await startIdentityMesh({ caller: undefined, callee: orders, standing: strict });
    expect(await overTls(mesh.inbound, caller())).toBe("closed");
    expect(await overTls(mesh.inbound, web)).toBe("HTTP/1.1 200 OK");
  });
});

describe("a root that is taken away while Envoys run", () => {
  it.each<[string, () => NodeCertificates]>([
    ["its caller", () => web],
    ["the instance it calls", () => orders],
  ])("makes certificates under it worthless to %s, on the next connection and without another configuration", async (_, judge) => {
    const both = ours.root + others.root;
    const judging = issue(ours, { uri: judge() === web ? uriOf("web") : uriOf("orders"), roots: both });
    const judged = issue(others, { uri: judge() === web ? uriOf("orders") : uriOf("web"), roots: both });
    const [caller, callee] = judge() === web ? [judging, judged] : [judged, judging];
    mesh = await startIdentityMesh({ caller, callee, standing: strict });
    const updates = () => stat(mesh?.callee as IdentityMesh["callee"], "listener_manager.listener_in_place_updated");
    expect(await mesh.call()).toMatchObject({ status: 200 });
    const before = await updates();
    judging.trust(ours.root);
    await expect.poll(async () => (await mesh?.call())?.status, { timeout: 20_000 }).toBe(503);
    expect((await mesh.call()).status).toBe(503);
    judging.trust(both);
    await expect.poll(async () => (await mesh?.call())?.status, { timeout: 20_000 }).toBe(200);
    expect(await updates()).toBe(before);
  });
});

describe("a change of mode on Envoys that run", () => {
  it("fails no request on the way from off to strict and back, and leaves TLS connections alone", async () => {
    mesh = await startIdentityMesh({ caller: web, callee: orders, standing: { mode: "off" } });
    const running = mesh;
    const { callee, inbound, change, call } = running;
    const accepted: Standing = { mode: "permissive", tls: "accepted" };
    const statuses = new Map<number, number>();
    let over = false;
    const load = Promise.all(
      Array.from({ length: 4 }, async () => {
        while (!over) {
          const { status } = await call();
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
        }
      }),
    );
    const held = await holdTls(inbound, web);
    const updates = () => stat(callee, "listener_manager.listener_in_place_updated");
    try {
      const way: [Standing, "callee" | "caller"][] = [
        [{ mode: "permissive" }, "callee"],
        [accepted, "callee"],
        [{ mode: "strict", tls: "accepted" }, "caller"],
        [strict, "caller"],
        [{ mode: "permissive", tls: "required" }, "callee"],
        [{ mode: "off", tls: "accepted" }, "callee"],
        [{ mode: "off" }, "callee"],
      ];
      let served = 0;
      for (const [standing, first] of way) {
        const before = await updates();
        change(standing, first);
        if (standing === strict) await expect.poll(() => plain(inbound), { timeout: 20_000 }).toBe("closed");
        else await expect.poll(() => plain(inbound), { timeout: 20_000 }).toBe(200);
        if (standing === strict) expect(await updates()).toBe(before + 1);
        served = [...statuses.values()].reduce((sum, count) => sum + count, 0);
        await expect
          .poll(() => [...statuses.values()].reduce((sum, count) => sum + count, 0), { timeout: 20_000 })
          .toBeGreaterThan(served + 100);
        expect(await held.get()).toBe(200);
        // Nothing but their age ends the caller's connections in plain text here.
        if (standing === accepted) await expect.poll(() => handshakes(running), { timeout: 20_000 }).toBeGreaterThan(0);
      }
      expect(await stat(callee, "listener_manager.listener_modified")).toBe(2);
      expect(await updates()).toBe(2);
    } finally {
      over = true;
      await load;
      held.end();
    }
    expect([...statuses.keys()]).toEqual([200]);
  }, 120_000);
});

describe("a change of mode of a tcp service", () => {
  it("lets open connections go on until Envoy's drain time is over, and takes new ones all the while", async () => {
    mesh = await startIdentityMesh({ caller: web, callee: orders, standing: { mode: "off" }, protocol: "tcp" });
    const { callee, inbound, change } = mesh;
    const way: Standing[] = [
      { mode: "permissive" },
      { mode: "permissive", tls: "accepted" },
      { mode: "off", tls: "accepted" },
      { mode: "off" },
    ];
    const replaced: number[] = [];
    for (const standing of way) {
      const talk = await startTalk(inbound);
      expect(await talk.ping()).toBe(true);
      const before = await stat(callee, "listener_manager.listener_create_success");
      change(standing, "callee");
      const changed = performance.now();
      if (standing.mode !== "off") await expect.poll(() => overTls(inbound, web), { timeout: 20_000 }).not.toBe("closed");
      let answered = 0;
      while (performance.now() - changed < drainMs - 200 && (await talk.ping())) answered += 1;
      expect(performance.now() - changed).toBeGreaterThan(drainMs - 200);
      expect(answered).toBeGreaterThan(10);
      expect(await untilFirstByte(inbound)).toBeGreaterThan(0);
      const isReplaced = (await stat(callee, "listener_manager.listener_create_success")) - before;
      replaced.push(isReplaced);
      if (isReplaced > 0) await expect.poll(() => talk.ping(), { timeout: 20_000 }).toBe(false);
      else expect(await talk.ping()).toBe(true);
      talk.end();
    }
    expect(replaced).toEqual([1, 0, 0, 1]);
  }, 120_000);
});

/** How long a client that says nothing waits for the first byte of a server that speaks first, milliseconds. */
function untilFirstByte(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const socket = connect(port, "127.0.0.1");
    socket.once("error", reject).once("close", () => reject(new Error("closed without a byte")));
    socket.once("data", () => {
      resolve(performance.now() - began);
      socket.destroy();
    });
  });
}

/** A plain HTTP/2 connection: a `ping` is answered as long as it goes on. */
async function startTalk(port: number): Promise<{ ping(): Promise<boolean>; end(): void }> {
  const session = connectHttp2(`http://127.0.0.1:${port}`).on("error", () => undefined);
  await once(session, "remoteSettings");
  const ping = () =>
    new Promise<boolean>((answer) => {
      if (session.destroyed) return answer(false);
      session.ping((error) => {
        answer(!error);
      });
    });
  return { ping, end: () => session.destroy() };
}

/** One TLS connection, on which `get` asks again and again; it fails when that connection is gone. */
async function holdTls(port: number, { leaf, key, roots }: NodeCertificates): Promise<{ get(): Promise<number>; end(): void }> {
  const socket = connectTls({ host: "127.0.0.1", port, ca: roots, cert: leaf, key, checkServerIdentity: () => undefined });
  await new Promise((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let used = false;
  agent.createConnection = () => {
    if (used) throw new Error("the connection was closed");
    used = true;
    return socket;
  };
  const get = () =>
    new Promise<number>((resolve, reject) => {
      const sent = request({ agent, host: "127.0.0.1", port, headers: { host: "orders" } }, (response) => {
        response.resume().on("end", () => resolve(response.statusCode ?? 0));
      });
      sent.on("error", reject).end();
    });
  return { get, end: () => socket.destroy() };
}
