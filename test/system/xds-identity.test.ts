/** Who is let in to xDS and to the agents' channel: real Consuls and real Envoys, with the right certificate, a stolen one and none. */
import { createPrivateKey } from "node:crypto";
import { open, readdir, readFile } from "node:fs/promises";
import { request } from "node:https";
import { connect as connectPlainly, type Socket } from "node:net";
import { join } from "node:path";
import { rotateRoot } from "@legation/consul/testing";
import { type AgentReport, leavingPath, type RoutingReply, reportPath } from "@legation/contract";
import {
  type ConsulProcess,
  type ConsulVersion,
  type ControlPlaneProcess,
  openSandbox,
  type Sandbox,
  startConsul,
  startControlPlane,
  until,
} from "@legation/local";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { consulVersions, limitMs } from "./fixture.js";
import { type Leaf, leafOf, startXdsEnvoy, type XdsEnvoy } from "./xds-envoy.js";

interface SecurityEvent {
  readonly kind: string;
  readonly subject: string;
  readonly message: string;
  readonly count: number;
}

interface Proxies {
  readonly proxies: readonly { readonly node: string; readonly stream: number }[];
}

/** A Consul of this version, and a control plane that takes TLS alone. */
function useControlPlane(version: ConsulVersion) {
  let sandbox: Sandbox | undefined;
  let parts: { sandbox: Sandbox; consul: ConsulProcess; plane: ControlPlaneProcess; trustDomain: string } | undefined;
  beforeAll(async () => {
    sandbox = openSandbox({ name: "xds-identity" });
    const consul = await startConsul(sandbox, { version, config: { connect: { enabled: true } } });
    for (const name of ["web", "orders"])
      await put(consul, "/v1/agent/service/register", { ID: `${name}-1`, Name: name, Address: "127.0.0.1", Port: 80 });
    const plane = await startControlPlane(sandbox, { consul: consul.url, flags: ["--xds-plaintext", "off"] });
    await until(async () => (await readFile(plane.log, "utf8")).includes('"event":"tls.certificate"'), { what: "a certificate", limitMs });
    const { TrustDomain: trustDomain } = await consul.get<{ TrustDomain: string }>("/v1/agent/connect/ca/roots");
    parts = { sandbox, consul, plane, trustDomain };
  });
  afterAll(async () => {
    const { survivors } = (await sandbox?.stop()) ?? { survivors: [] };
    expect(survivors).toEqual([]);
  });
  return () => {
    if (!parts) throw new Error("nothing has started");
    return parts;
  };
}

async function put(consul: ConsulProcess, path: string, body: unknown): Promise<void> {
  const answer = await fetch(consul.url + path, { method: "PUT", body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`PUT ${path}: ${answer.status} ${await answer.text()}`);
}

describe.each(consulVersions)("with Consul %s", (version) => {
  const parts = useControlPlane(version);
  const node = "legation-local";
  const spiffe = (service: string) => `spiffe://${parts().trustDomain}/ns/default/dc/dc1/svc/${service}`;

  const envoy = async (name: string, claim: { id: string; cluster: string; service: string }, leaf: Leaf | undefined) =>
    startXdsEnvoy(parts().sandbox, { name, ...claim, leaf, xds: parts().plane.xds, expects: spiffe("legation-control-plane") });
  const securityEvents = async () => (await parts().plane.get<{ events: SecurityEvent[] }>("/api/security-events")).events;
  const streamOf = async (id: string) =>
    (await parts().plane.get<Proxies>("/api/proxies")).proxies.find(({ node: of }) => of === id)?.stream;
  const isConfigured = async ({ admin }: XdsEnvoy) => (await admin.clusters()).has("stock");

  async function refusedWith(proxy: XdsEnvoy, words: string): Promise<void> {
    await until(
      async (note) => {
        const log = await readFile(proxy.log, "utf8");
        note(log.split("\n").slice(-3).join(" "));
        return log.includes(words);
      },
      { what: `Envoy to be told: ${words}`, limitMs },
    );
    expect(await isConfigured(proxy)).toBe(false);
    await proxy.stop();
  }

  it("configures an Envoy that is the service of its certificate", async () => {
    const { consul } = parts();
    const proxy = await envoy("honest", { id: `${node}/web-1`, cluster: "web", service: "web" }, await leafOf(consul, "web"));
    await until(() => isConfigured(proxy), { what: "Envoy to have its clusters", limitMs });
    expect(await proxy.admin.stats("^cluster.xds.ssl.handshake$")).toEqual({ "cluster.xds.ssl.handshake": 1 });
    await proxy.stop();
  });

  it.each([
    ["its cluster", { id: `${node}/orders-9`, cluster: "orders", service: "orders" }, "the claim is to be orders"],
    ["its metadata", { id: `${node}/web-9`, cluster: "web", service: "orders" }, "the claim is to be orders"],
    ["its id", { id: `${node}/orders-1`, cluster: "web", service: "web" }, `${node}/orders-1 is registered as an instance of orders`],
  ])("refuses an Envoy with web's certificate that lies by %s, tells it why, and reports it", async (what, claim, why) => {
    const { consul } = parts();
    const proxy = await envoy(`liar-${what.slice(4)}`, claim, await leafOf(consul, "web"));
    await refusedWith(proxy, why);
    const found = (await securityEvents()).find(({ kind, subject }) => kind === "claim-refused" && subject === spiffe("web"));
    expect(found?.message).toMatch(/the certificate is for the service web/);
    const metrics = await (await fetch(`${parts().plane.api}/metrics`)).text();
    expect(metrics).toMatch(/legation_security_events_total\{kind="claim-refused"\} [1-9]/);
  });

  it("refuses plain text where only TLS is served, and says what to do", async () => {
    const proxy = await envoy("plain", { id: `${node}/web-1`, cluster: "web", service: "web" }, undefined);
    await refusedWith(proxy, "plain text is not served here");
  });

  it("lets no stolen certificate speak for another service's agent, or relay", async () => {
    const { consul, plane } = parts();
    const leaf = await leafOf(consul, "web");
    const report: AgentReport = {
      ...{ node, id: "orders-1", service: "orders", agentVersion: "1", state: "running", restartCount: 0, admin: "http://127.0.0.1:1" },
    };
    const own = { ...report, id: "web-1", service: "web" };
    expect(await post(plane, reportPath, own, leaf)).toMatchObject({ status: 202 });
    expect(await post(plane, reportPath, report, leaf)).toMatchObject({ status: 403, body: expect.stringContaining("to be orders") });
    const notice = { node, id: "web-1", service: "web", limitMs: 1_000 };
    expect(await post(plane, leavingPath, { ...notice, relayed: true }, leaf)).toMatchObject({ status: 403 });
    expect(await post(plane, leavingPath, { ...notice, service: "orders", id: "orders-1" }, leaf)).toMatchObject({ status: 403 });
  });

  it("has an agent's notice answered by every replica", async () => {
    const { consul, plane, sandbox } = parts();
    const other = await startControlPlane(sandbox, { consul: consul.url, name: "second" });
    const logged = async (file: string, words: string) => (await readFile(file, "utf8")).includes(words);
    for (const { log } of [plane, other])
      await until(() => logged(log, '"event":"replicas.changed"'), { what: "the replicas to know each other", limitMs });
    await until(() => logged(other.log, '"event":"tls.certificate"'), { what: "the other's certificate", limitMs });
    const leaf = await leafOf(consul, "web");
    const answer = await until(
      async (note) => {
        const { status, body } = await post(plane, leavingPath, { node, id: "web-1", service: "web", limitMs: 2_000 }, leaf);
        note(body);
        const reply = JSON.parse(body) as RoutingReply;
        return status === 200 && reply.replicas === 2 && reply;
      },
      { what: "both replicas to answer", limitMs },
    );
    expect(answer).toMatchObject({ silent: [], accepted: true });
    await other.stop();
  });

  it("keeps every stream over garbage, half hellos and crawling clients on both ports", async () => {
    const { consul, plane } = parts();
    const id = `${node}/web-1`;
    const proxy = await envoy("steady", { id, cluster: "web", service: "web" }, await leafOf(consul, "web"));
    await until(() => isConfigured(proxy), { what: "Envoy to have its clusters", limitMs });
    const stream = await streamOf(id);
    const ports = [plane.xds, new URL(plane.api).host].map((address) => Number(address.split(":")[1]));
    const beginnings = Array.from({ length: 200 }, (_, i) =>
      Buffer.from([i % 2 ? 0x16 : i, 3, 1, ...Array.from({ length: i }, (_, j) => (i * j) % 256)]),
    );
    const sockets = ports.flatMap((port) => beginnings.map((bytes) => raw(port, bytes)));
    const silent = ports.map((port) => raw(port, Buffer.alloc(0)));
    const crawling = ports.map((port) => raw(port, Buffer.from([0x16])));
    const drip = setInterval(() => {
      for (const { socket } of crawling) socket.write(Buffer.from([3]));
    }, 500);
    try {
      expect(await plane.get("/health")).toMatchObject({ status: expect.any(String) });
      await Promise.all([...silent, ...crawling].map(({ closed }) => closed));
      expect(await streamOf(id)).toBe(stream);
      expect(await isConfigured(proxy)).toBe(true);
    } finally {
      clearInterval(drip);
      for (const { socket } of [...sockets, ...silent, ...crawling]) socket.destroy();
    }
    await proxy.stop();
  });

  it("takes up a new root and a new leaf of its own without the loss of a stream", async () => {
    const { consul, plane } = parts();
    const id = `${node}/web-1`;
    const proxy = await envoy("rotated", { id, cluster: "web", service: "web" }, await leafOf(consul, "web"));
    await until(() => isConfigured(proxy), { what: "Envoy to have its clusters", limitMs });
    const stream = await streamOf(id);
    await rotateRoot(consul.url);
    const logged = async (event: string) => (await readFile(plane.log, "utf8")).includes(`"event":"${event}"`);
    await until(() => logged("tls.roots-changed"), { what: "the new root", limitMs });
    await until(() => logged("tls.renewed"), { what: "a leaf of the new root", limitMs: 2 * limitMs });
    const after = await until(
      async () => {
        const leaf = await leafOf(consul, "orders");
        return (await streamOf(id)) === stream && leaf;
      },
      { what: "the stream from before", limitMs },
    );
    const late = await envoy("late", { id: `${node}/orders-1`, cluster: "orders", service: "orders" }, after);
    await until(() => isConfigured(late), { what: "an Envoy with a leaf of the new root to have its clusters", limitMs });
    expect(await proxy.admin.stats("^cluster.xds.upstream_cx_total$")).toEqual({ "cluster.xds.upstream_cx_total": 1 });
    expect(await streamOf(id)).toBe(stream);
    await Promise.all([proxy.stop(), late.stop()]);
  }, 240_000);

  it("never has a service's private key, neither in memory nor on disk", async () => {
    const { consul, plane } = parts();
    const leaf = await leafOf(consul, "web");
    const proxy = await envoy("secretive", { id: `${node}/web-1`, cluster: "web", service: "web" }, leaf);
    await until(() => isConfigured(proxy), { what: "Envoy to have its clusters", limitMs });
    expect(await post(plane, leavingPath, { node, id: "web-1", service: "web", limitMs: 1_000 }, leaf)).toMatchObject({ status: 200 });
    const memory = await memoryOf(plane.pid, [...traces(leaf.key), ...traces((await leafOf(consul, "legation-control-plane")).key)]);
    expect(memory.slice(0, traces(leaf.key).length)).toEqual(traces(leaf.key).map(() => false));
    // The search finds what is there: the control plane's own key.
    expect(memory.slice(traces(leaf.key).length)).toContain(true);
    for (const entry of await readdir(plane.stateDir, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const bytes = await readFile(join(entry.parentPath, entry.name));
      expect(
        traces(leaf.key).some((trace) => bytes.includes(trace)),
        entry.name,
      ).toBe(false);
    }
    await proxy.stop();
  });
});

/** What a private key leaves where it has been: its number, and each full line of its PEM. */
function traces(pem: string): Buffer[] {
  const { d = "" } = createPrivateKey(pem).export({ format: "jwk" });
  const lines = pem.split("\n").filter((line) => line.length >= 40 && !line.startsWith("-"));
  return [Buffer.from(d, "base64url"), ...lines.map((line) => Buffer.from(line))];
}

/** Whether each of these bytes stands anywhere in the writable memory of a process. */
async function memoryOf(pid: number, wanted: readonly Buffer[]): Promise<boolean[]> {
  const found = wanted.map(() => false);
  const maps = (await readFile(`/proc/${pid}/maps`, "utf8")).split("\n").filter((line) => / rw/.test(line));
  const memory = await open(`/proc/${pid}/mem`, "r");
  const [step, overlap] = [16 * 1024 * 1024, 4_096];
  try {
    for (const line of maps) {
      const [from = 0, to = 0] = (line.split(" ")[0] ?? "").split("-").map((hex) => Number.parseInt(hex, 16));
      if (to > Number.MAX_SAFE_INTEGER) continue;
      for (let at = from; at < to; at += step) {
        const part = Buffer.alloc(Math.min(step + overlap, to - at));
        // Pages that have gone meanwhile hold nothing.
        const { bytesRead } = await memory.read(part, 0, part.length, at).catch(() => ({ bytesRead: 0 }));
        wanted.forEach((bytes, i) => {
          found[i] ||= part.subarray(0, bytesRead).includes(bytes);
        });
      }
    }
  } finally {
    await memory.close();
  }
  return found;
}

function raw(port: number, bytes: Buffer): { socket: Socket; closed: Promise<unknown> } {
  const socket = connectPlainly(port, "127.0.0.1", () => bytes.length > 0 && socket.write(bytes));
  socket.on("error", () => undefined);
  socket.resume();
  return { socket, closed: new Promise((resolve) => socket.once("close", resolve)) };
}

function post(plane: ControlPlaneProcess, path: string, body: object, leaf: Leaf): Promise<{ status: number; body: string }> {
  const tls = { key: leaf.key, cert: leaf.cert, ca: leaf.roots, checkServerIdentity: () => undefined };
  return new Promise((resolve, reject) => {
    const url = plane.api.replace("http:", "https:") + path;
    const asked = request(url, { ...tls, method: "POST", agent: false, headers: { "content-type": "application/json" } }, (response) => {
      let text = "";
      response.on("data", (part) => {
        text += part;
      });
      response.once("end", () => resolve({ status: response.statusCode ?? 0, body: text }));
    });
    asked.once("error", reject);
    asked.end(JSON.stringify(body));
  });
}
