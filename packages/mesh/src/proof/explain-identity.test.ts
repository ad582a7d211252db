/** What is explained of callers and instances with and without certificates, held against real Envoys. */
import type { NodeMetadata } from "@legation/contract";
import { afterAll, beforeAll, expect, it } from "vitest";
import { compileNode } from "../compile-node.js";
import { compileService } from "../compile-service.js";
import { explainRequest } from "../explain/index.js";
import { noTraffic } from "../policy/traffic/traffic-policies.js";
import { type Authority, createAuthority, type NodeCertificates } from "./authority.js";
import { type Standing, startIdentityMesh, trust } from "./identity-mesh.js";
import { instance } from "./instances.js";

let certificates: Readonly<Record<string, NodeCertificates>>;
beforeAll(() => {
  const authority: Authority = createAuthority("explained");
  const issue = (service: string) => authority.issue({ uri: `spiffe://test.consul/ns/default/dc/dc1/svc/${service}` });
  certificates = { web: issue("web"), orders: issue("orders") };
});
afterAll(() => {
  for (const one of Object.values(certificates)) one.remove();
});

/** Envoy's words for what a flag says. */
const reasons: Readonly<Record<string, string>> = { UF: "remote connection failure", UC: "connection termination" };

it.each<[string, boolean, boolean, Standing]>([
  ["a caller without a certificate and an instance that takes TLS alone", false, true, { mode: "strict", tls: "required" }],
  ["a caller and an instance with certificates", true, true, { mode: "strict", tls: "required" }],
  ["a strict service and an instance without TLS", true, false, { mode: "strict" }],
  ["a caller with a certificate and an instance without TLS, while both are taken", true, false, { mode: "permissive" }],
  ["a caller without a certificate and an instance that takes both", false, true, { mode: "permissive", tls: "accepted" }],
])("%s do what is explained", async (_, caller, callee, standing) => {
  const own = caller ? certificates["web"] : undefined;
  const orders = {
    name: "orders",
    instances: [instance({ mesh: { address: "10.0.0.1", port: 1 }, meta: standing.tls ? { "legation-tls": standing.tls } : {} })],
  };
  const node: NodeMetadata = {
    ...{ api: 1, service: "web", kind: "sidecar", protocol: "http", inbound: "127.0.0.1:2", app: "127.0.0.1:1", outbound: "127.0.0.1:3" },
    dependencies: [{ name: "orders", optional: false }],
    ...(own ? { certificates: own.directory } : {}),
  };
  const { view, instance: listeners } = compileNode(node, () => orders, noTraffic);
  const { cluster, mutualCluster, endpoints } = compileService(orders, noTraffic, { mode: standing.mode, trust });
  const given = [...view, ...listeners, own && mutualCluster ? mutualCluster : cluster, endpoints];
  const told = explainRequest(
    {
      caller: { node, instance: "m/web-1", region: "", zone: "" },
      resource: (type, name) => given.find((one) => one.typeUrl === type && one.name === name),
      service: () => orders,
      traffic: noTraffic,
      identity: () => ({ mode: standing.mode, authorization: "off" }),
      ...{ identityDocuments: [], trust, intentions: undefined, breakers: () => [], since: () => undefined },
    },
    { method: "GET", url: "http://orders/", headers: {} },
  );
  const outcomes = typeof told === "string" ? [] : told.outcomes;
  expect(outcomes).toHaveLength(1);
  const mesh = await startIdentityMesh({ caller: own, callee: callee ? certificates["orders"] : undefined, standing });
  try {
    const { status, body } = await mesh.call();
    const [outcome] = outcomes;
    expect(status).toBe(outcome?.by === "instance" ? 200 : outcome?.status);
    const [flag, retried] = outcome?.flags ?? [];
    if (flag !== undefined) expect(body).toContain(`${retried === "URX" ? "retried and the latest " : ""}reset reason: ${reasons[flag]}`);
  } finally {
    await mesh.stop();
  }
});
