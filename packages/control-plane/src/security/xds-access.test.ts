import { create } from "@bufbuild/protobuf";
import { encodeNodeMetadata, type NodeMetadata, type ServiceIdentity, spiffeId } from "@legation/contract";
import { NodeSchema } from "@legation/envoy-api/envoy/config/core/v3/base";
import type { TlsPeer } from "@legation/runtime";
import { expect, test } from "vitest";
import type { SecurityReport } from "./events.js";
import { createXdsAccess } from "./xds-access.js";

const identity = (service: string, change: Partial<ServiceIdentity> = {}): ServiceIdentity => ({
  ...{ trustDomain: "mesh.test", namespace: "default", datacenter: "dc1", service },
  ...change,
});

function scene({ plaintext = true, certified = true } = {}) {
  const events: SecurityReport[] = [];
  const own = { identity: identity("legation-control-plane"), tls: { key: "", cert: "", ca: "" } };
  const access = createXdsAccess({
    certificate: () => (certified ? own : undefined),
    plaintext,
    serviceOf: (instance) => ({ "n1/web-1": "web", "n1/orders-1": "orders" })[instance],
    events: { report: (event) => void events.push(event) },
  });
  const connect = (tls?: TlsPeer) => access.authenticate({ address: "10.0.0.9:4711", headers: {}, ...(tls ? { tls } : {}) });
  return { access, events, connect };
}

const leaf = (service: string, change?: Partial<ServiceIdentity>): TlsPeer => ({ uri: spiffeId(identity(service, change)) });

function node(id: string, cluster: string, service = cluster) {
  const metadata: NodeMetadata = {
    ...{ api: 1, service, kind: "sidecar", inbound: "10.0.0.9:20000", app: "127.0.0.1:80", outbound: "127.0.0.1:15001" },
    ...{ protocol: "http", dependencies: [] },
  };
  return create(NodeSchema, { id, cluster, metadata: { legation: encodeNodeMetadata(metadata) as never } });
}

test("a proxy is the service of its certificate, and no other, whichever way it says so", () => {
  const { access, events, connect } = scene();
  const web = connect(leaf("web"));
  expect(access.authorize(node("n1/web-1", "web"), web)).toBeUndefined();
  expect(access.authorize(node("n2/not-registered-yet", "web"), web)).toBeUndefined();
  expect(events).toEqual([]);
  expect(access.authorize(node("n1/web-1", "orders"), web)).toBe("the certificate is for the service web, and the claim is to be orders");
  expect(access.authorize(node("n1/web-1", "web", "orders"), web)).toContain("the claim is to be orders");
  expect(access.authorize(node("n1/web-1", "orders", "web"), web)).toContain("the claim is to be orders");
  expect(access.authorize(node("n1/orders-1", "web"), web)).toContain("n1/orders-1 is registered as an instance of orders");
  expect(access.authorize(create(NodeSchema, { id: "n1/web-1", cluster: "orders" }), web)).toContain("the claim is to be orders");
  expect(events.map(({ kind, subject }) => [kind, subject])).toEqual(Array(5).fill(["claim-refused", spiffeId(identity("web"))]));
});

test.each([
  ["of another trust domain", leaf("web", { trustDomain: "other.test" }), /trust domain here is mesh.test/],
  ["of another data centre", leaf("web", { datacenter: "dc2" }), /data centre here is dc1/],
  ["of another namespace", leaf("web", { namespace: "other" }), /namespace here is default/],
  ["of another admin partition", leaf("web", { partition: "other" }), /admin partition here is the default one/],
  ["of no service", { uri: "spiffe://mesh.test/agent/client/dc/dc1/id/a" }, /no service of Consul's CA/],
  ["that has ended", { problem: "it has expired" }, /not taken: it has expired/],
  ["that is missing", {}, /no certificate was shown/],
])("a certificate %s opens nothing", (_what, tls, why) => {
  const { events, connect } = scene();
  expect(() => connect(tls)).toThrow(why);
  expect(events).toMatchObject([{ kind: "claim-refused", subject: "10.0.0.9" }]);
});

test("plain text is believed where it is served, and told what to do where it is not", () => {
  const { access, connect } = scene();
  expect(access.authorize(node("n1/orders-1", "web"), connect())).toBeUndefined();
  const strict = scene({ plaintext: false });
  expect(() => strict.connect()).toThrow(/plain text is not served here: connect by TLS/);
  expect(strict.events).toHaveLength(1);
});

test("the status of all proxies is for control planes and for this machine", () => {
  const { access, events, connect } = scene();
  expect(access.authorizeStatus(connect())).toBeUndefined();
  expect(access.authorizeStatus(connect(leaf("legation-control-plane")))).toBeUndefined();
  expect(events).toEqual([]);
  expect(access.authorizeStatus(connect(leaf("web")))).toContain("for operators, not for web");
  expect(events).toHaveLength(1);
});
