import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Instance } from "../catalog/instance.js";
import { createAuthority, type NodeCertificates } from "./authority.js";
import { healthFlags, until } from "./figures.js";
import { type IdentityMesh, startIdentityMesh } from "./identity-mesh.js";
import { check } from "./instances.js";
import { type ProofMesh, startProofMesh } from "./mesh.js";
import { ordersPolicy } from "./written-policies.js";

let mesh: ProofMesh;
const interval = "interval: 100ms, timeout: 5s";
const often = `${interval}, unhealthyThreshold: 2`;

/** The caller's opinion of the first instance. */
async function flagsOfFirst(of = mesh): Promise<string> {
  const port = (await of.instances[0]?.envoy.port("inbound")) ?? 0;
  return (await healthFlags(of.caller)).get(port) ?? "";
}

const out = async () => (await flagsOfFirst()).includes("failed_active_hc");
const back = async () => (await flagsOfFirst()) === "healthy";

/** Who answers 12 requests, each name once. */
async function answering(): Promise<string[]> {
  const names = new Set<string>();
  for (let i = 0; i < 12; i++) {
    const { status, body } = await mesh.send({});
    names.add(status === 200 ? (body.split(" ")[0] ?? "") : String(status));
  }
  return [...names].sort();
}

/** Waits until requests go to these. An Envoy's workers hear of it later than its pages say so. */
function answeredBy(...names: string[]): Promise<number> {
  return until(`${names.join(" and ")} answer`, async () => (await answering()).join() === names.join());
}

describe("active checks of an http service", () => {
  beforeAll(async () => {
    mesh = await startProofMesh(2);
  }, 60_000);
  afterAll(() => mesh?.stop());
  const first = () => mesh.instances[0]?.app;

  it("are not made without a word", async () => {
    await first()?.behave({ delay: 0, health: 503 });
    expect(await answering()).toEqual(["orders-1", "orders-2"]);
    expect((await first()?.seen())?.checks).toBe(0);
  });

  it.each([
    ["by HTTP", "http: { path: /healthz }", 503],
    [
      "by HTTP, at once at a status that is not expected",
      "http: { path: /healthz, expected: [200, 300-399] }, unhealthyThreshold: 1000",
      404,
    ],
    ["by HTTP, with a body", "http: { path: /healthz, expected: [200-299], receive: [well] }", 500],
    ["over TCP", 'tcp: { send: "GET /healthz HTTP/1.0\\r\\nHost: orders\\r\\n\\r\\n", receive: [" 200 OK"] }', 503],
  ])("take an instance out, and bring it back after as many successes as the breaker says, asked %s", async (_, how, illness) => {
    await first()?.behave({ delay: 0 });
    const times = how.includes("unhealthyThreshold") ? interval : often;
    await mesh.follow(ordersPolicy(`healthChecks: { ${how}, ${times} }\ncircuitBreaker: { successThreshold: 4 }`));
    await answeredBy("orders-1", "orders-2");
    await first()?.behave({ delay: 0, health: illness });
    await until("it is out", out);
    await answeredBy("orders-2");
    await first()?.behave({ delay: 0 });
    const took = await until("it is back", back);
    // Four successes have three intervals between them.
    expect(took).toBeGreaterThanOrEqual(300 - 50);
    await answeredBy("orders-1", "orders-2");
  });

  it("go on when the outlier detection has ejected an instance, and do not bring it back before its time", async () => {
    await mesh.follow(
      ordersPolicy(
        `healthChecks: { http: { path: /healthz }, ${often} }\ncircuitBreaker: { failureThreshold: 2, recoveryTimeout: 1500ms, successThreshold: 1 }\nretries: { attempts: 0 }`,
      ),
    );
    await first()?.behave({ delay: 0, status: 500 });
    await until("it is ejected", async () => (await answering()).length > 0 && (await flagsOfFirst()).includes("failed_outlier_check"));
    const before = (await first()?.seen())?.checks ?? 0;
    await first()?.behave({ delay: 0 });
    expect(await until("it is back", back)).toBeGreaterThan(500);
    expect(((await first()?.seen())?.checks ?? 0) - before).toBeGreaterThan(3);
  });

  it("bring nobody back whom Consul holds for ill, or who leaves", async () => {
    await mesh.follow(ordersPolicy(`healthChecks: { http: { path: /healthz }, ${often} }`));
    const isFirst = ({ id }: Instance) => id === "orders-1";
    await mesh.register((one) => (isFirst(one) ? { ...one, checks: [check("critical")] } : one));
    await answeredBy("orders-2");
    const before = (await first()?.seen())?.checks ?? 0;
    await until("it has been asked, and is well", async () => ((await first()?.seen())?.checks ?? 0) > before + 5);
    expect(await answering()).toEqual(["orders-2"]);
    await mesh.register((one) => (isFirst(one) ? { ...one, checks: [], leaving: true } : one));
    await until("it leaves", async () => (await flagsOfFirst()).includes("eds_status_draining"));
    expect(await answering()).toEqual(["orders-2"]);
    await mesh.register((one) => (isFirst(one) ? { ...one, leaving: false } : one));
    await answeredBy("orders-1", "orders-2");
  });

  it("give no request to an instance that has come and has not been checked yet", async () => {
    const isFirst = ({ id }: Instance) => id === "orders-1";
    await mesh.register((one) => (isFirst(one) ? { ...one, everPassed: false, checks: [check("critical")] } : one));
    await answeredBy("orders-2");
    await first()?.behave({ delay: 0, health: "never" });
    const before = (await first()?.seen())?.checks ?? 0;
    await mesh.follow(ordersPolicy("healthChecks: { http: { path: /healthz }, interval: 100ms, timeout: 1m }"));
    await mesh.register((one) => (isFirst(one) ? { ...one, everPassed: true, checks: [] } : one));
    await until("it waits for its check", out);
    expect(await answering()).toEqual(["orders-2"]);
    await until("it is asked", async () => ((await first()?.seen())?.checks ?? 0) > before);
    expect(await answering()).toEqual(["orders-2"]);
  });
});

describe("active checks of other services", () => {
  afterEach(() => mesh?.stop());

  it("ask gRPC's health service", async () => {
    mesh = await startProofMesh(2, "grpc", ordersPolicy(`healthChecks: { grpc: { service: orders.v1.Orders }, ${often} }`));
    await answeredBy("orders-1", "orders-2");
    await mesh.instances[0]?.app.behave({ health: 503 });
    await until("it is out", out);
    await answeredBy("orders-2");
    await mesh.instances[0]?.app.behave({});
    await answeredBy("orders-1", "orders-2");
  });

  it("see through the proxy of a tcp service whether its application answers, and not whether it is there at all", async () => {
    mesh = await startProofMesh(2, "tcp", ordersPolicy(`healthChecks: { tcp: { receive: ["\\x04\\0"] }, ${often} }`));
    await until("it is well", back);
    await mesh.instances[0]?.app.kill();
    await until("it is out", out);
    await mesh.follow(ordersPolicy(`healthChecks: { tcp: {}, ${often} }`));
    await until("it is taken for well", back);
  });
});

describe("active checks by mutual TLS", () => {
  let identified: IdentityMesh | undefined;
  const issued: NodeCertificates[] = [];
  afterAll(async () => {
    await identified?.stop();
    for (const certificates of issued) certificates.remove();
  });

  it("go over it, to an instance that takes nothing else", async () => {
    const authority = createAuthority("ours");
    const issue = (service: string) => {
      const certificates = authority.issue({ uri: `spiffe://test.consul/ns/default/dc/dc1/svc/${service}` });
      issued.push(certificates);
      return certificates;
    };
    const policies = ordersPolicy(`healthChecks: { http: { path: /healthz }, ${often} }\ncircuitBreaker: { whenAllFail: fail-fast }`);
    const standing = { mode: "strict", tls: "required" } as const;
    identified = await startIdentityMesh({ caller: issue("web"), callee: issue("orders"), standing, policies });
    const { call, app, caller } = identified;
    await until("it answers", async () => (await call()).status === 200);
    await app.behave({ health: 503 });
    await until("it is out", async () => (await call()).status === 503);
    expect([...(await healthFlags(caller)).values()].join()).toContain("failed_active_hc");
    await app.behave({});
    await until("it is back", async () => (await call()).status === 200);
  });
});
