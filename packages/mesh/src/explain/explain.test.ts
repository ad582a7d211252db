import { dependencyOf, type NodeMetadata, type ReportedBreaker } from "@legation/contract";
import { describe, expect, it } from "vitest";
import type { Intention } from "../authorization/intention.js";
import type { CatalogService, Instance } from "../catalog/instance.js";
import { compileNode } from "../compile-node.js";
import { compileService, endpointsFrom } from "../compile-service.js";
import type { AuthorizationMode } from "../policy/identity/identity.js";
import { noTraffic, type TrafficPolicies } from "../policy/traffic/traffic-policies.js";
import { check, instance } from "../proof/instances.js";
import { writtenPolicies } from "../proof/written-policies.js";
import { type CallerExplanation, explainRequest } from "./explain.js";
import type { ExplainedWorld } from "./world.js";

const trust = { trustDomain: "t", datacenter: "dc1" };

interface Given {
  readonly orders?: readonly Instance[];
  readonly traffic?: TrafficPolicies;
  readonly dependencies?: readonly string[];
  readonly node?: Partial<NodeMetadata>;
  readonly mode?: "off" | "permissive" | "strict";
  readonly authorization?: AuthorizationMode;
  readonly intentions?: readonly Intention[];
  readonly breakers?: readonly Omit<ReportedBreaker, "service">[];
  readonly region?: string;
}

function explain(url: string, given: Given = {}, headers: Record<string, string> = {}): CallerExplanation {
  const { traffic = noTraffic, mode = "off", region = "", orders = [instance()], dependencies = ["orders"] } = given;
  const node: NodeMetadata = {
    ...{ api: 1, service: "web", kind: "sidecar", inbound: "127.0.0.1:20000", app: "127.0.0.1:1", outbound: "127.0.0.1:15001" },
    ...{ protocol: "http", dependencies: dependencies.map(dependencyOf) },
    ...given.node,
  };
  const known = new Map<string, CatalogService>([["orders", { name: "orders", instances: orders }]]);
  const { view, instance: own, clusters } = compileNode(node, (name) => known.get(name), traffic);
  const shared = clusters.flatMap((name) => {
    const compiled = compileService(known.get(name) ?? { name, instances: [] }, traffic);
    return [compiled.cluster, endpointsFrom(compiled, region) ?? compiled.endpoints];
  });
  const resources = new Map([...view, ...own, ...shared].map((one) => [`${one.typeUrl} ${one.name}`, one]));
  const world: ExplainedWorld = {
    caller: { node, instance: "m/web-1", region, zone: "" },
    resource: (type, name) => resources.get(`${type} ${name}`),
    service: (name) => known.get(name),
    traffic,
    identity: () => ({ mode, authorization: given.authorization ?? "off" }),
    identityDocuments: mode === "off" ? [] : [{ apiVersion: "legation/v1", kind: "Identity", name: "all", mode }],
    trust,
    intentions: { intentions: given.intentions ?? [], byDefault: "allow" },
    breakers: (service) => (service === "orders" ? (given.breakers ?? []).map((one) => ({ service, ...one })) : []),
    since: (_, id) => (id === "http" ? "2026-01-02T03:04:05Z" : undefined),
  };
  const told = explainRequest(world, { method: "GET", url, headers });
  if (typeof told === "string") throw new Error(told);
  return told;
}

const endpoints = (told: CallerExplanation) =>
  told.ways.flatMap((way) => way.endpoints.map(({ instance: id, state, reason }) => [id, state, reason]));
const secured = { mesh: { address: "10.0.0.1", port: 20_000 }, meta: { "legation-tls": "required" } };
const certified = { node: { certificates: "/certificates" } };

describe("why an instance may answer or not", () => {
  it("is its check with what it said and since when, its weight, its leaving, or that it never passed", () => {
    const ill = { ...check("critical", "http"), output: "connect ECONNREFUSED 127.0.0.1:81\n" };
    const told = explain("http://orders/", {
      orders: [
        instance({ id: "ill", checks: [ill] }),
        instance({ id: "new", checks: [check("critical")], everPassed: false, address: "10.0.0.2" }),
        instance({ id: "going", leaving: true, address: "10.0.0.3" }),
        instance({ id: "well", address: "10.0.0.4" }),
        instance({ id: "twin", address: "10.0.0.4" }),
      ],
    });
    expect(endpoints(told)).toEqual([
      ["host-a/twin", "serving", "no checks"],
      ["host-a/going", "draining", "leaving: its agent has announced a stop"],
      ["host-a/ill", "unhealthy", "critical: check http"],
      ["host-a/new", "omitted", "registered, never yet passing: check ttl"],
      ["host-a/well", "omitted", "host-a/twin has the same address, and is served"],
    ]);
    const found = told.ways[0]?.endpoints.find(({ instance: id }) => id === "host-a/ill");
    expect(found?.checks).toEqual([
      { id: "http", name: "http", status: "critical", output: "connect ECONNREFUSED 127.0.0.1:81", since: "2026-01-02T03:04:05Z" },
    ]);
    expect(told.summary).toBe("host-a/twin answers");
  });

  it("is an ejection until its time, and a limit that is exceeded is told beside", () => {
    const since = "2026-01-01T00:00:00.000Z";
    const open = { state: "open", cause: "consecutive 5xx", since } as const;
    const orders = [instance(), instance({ id: "orders-2", address: "10.0.0.2" })];
    const told = explain("http://orders/", {
      orders,
      breakers: [
        { ...open, address: "10.0.0.1:80" },
        { ...open, cause: "the limit of requests" },
      ],
    });
    expect(endpoints(told).at(-1)).toEqual([
      "host-a/orders-1",
      "ejected",
      `ejected by m/web-1 since ${since} for consecutive 5xx, until 2026-01-01T00:01:00.000Z at the earliest`,
    ]);
    expect(told.notes).toEqual([
      `m/web-1 exceeds the limit of requests towards orders since ${since}: some requests are answered 503 (UO)`,
    ]);
  });

  it("is the region, where failover leaves it out or nearer ones suffice", () => {
    const orders = ["north", "south", "west"].map((region, i) => instance({ id: region, address: `10.0.0.${i + 1}`, meta: { region } }));
    const traffic = writtenPolicies("apiVersion: legation/v1\nkind: Service\nname: orders\nlocality: { failover: [south] }\n");
    expect(endpoints(explain("http://orders/", { orders, traffic, region: "north" }))).toEqual([
      ["host-a/north", "serving", "no checks"],
      ["host-a/south", "standby", "no checks, and in region south: asked only when nearer ones do not suffice"],
      ["host-a/west", "other-region", "in region west, where callers of north do not go"],
    ]);
  });

  it("is the intention that denies, in shadow without effect, and TLS that the caller cannot speak", () => {
    const denies: Intention = {
      source: { namespace: "default", name: "web" },
      destination: { namespace: "default", name: "orders" },
      rule: "deny",
    };
    const given: Given = { ...certified, orders: [instance(secured)], mode: "strict", intentions: [denies] };
    const enforced = explain("http://orders/", { ...given, authorization: "enforce" });
    expect(endpoints(enforced)).toEqual([["host-a/orders-1", "denied", "denied by intention: intention web=>orders says deny"]]);
    expect(enforced.outcomes).toMatchObject([
      { by: "instance-proxy", status: 403, body: "legation: denied by intention (rbac_access_denied_matched_policy[web=>orders])\n" },
    ]);
    expect(endpoints(explain("http://orders/", { ...given, authorization: "shadow" }))[0]?.[2]).toMatch(
      /would be refused, and is only counted/,
    );
    const plain = explain("http://orders/", { orders: [instance(secured)], mode: "strict" });
    expect(endpoints(plain)[0]).toEqual(["host-a/orders-1", "unreachable", expect.stringMatching(/m\/web-1 has no certificate/)]);
    expect(plain.ways[0]?.endpoints[0]?.decidedBy).toEqual([{ source: "policy", document: "Identity/all", path: "mode" }]);
    const both = [instance(secured), instance({ id: "open", address: "10.0.0.2" })];
    expect(explain("http://orders/", { orders: both, mode: "permissive" }).summary).toBe("host-a/open answers");
    expect(plain.outcomes).toMatchObject([{ by: "caller-proxy", status: 503, flags: ["UC", "URX"] }]);
  });

  it("reckon with tries that are used up: three of one in four find nobody", () => {
    const secured = (id: string) =>
      instance({ id, address: `10.0.0.${id}`, mesh: { address: `10.0.0.${id}`, port: 1 }, meta: { "legation-tls": "required" } });
    const orders = [...["1", "2", "3"].map(secured), instance({ id: "open", address: "10.0.0.4" })];
    const { outcomes } = explain("http://orders/", { orders, mode: "permissive" });
    const share = (of: string) => outcomes.filter(({ by }) => by === of).reduce((sum, one) => sum + one.share, 0);
    // 3/4 of first tries, 2/3 of second ones, 1/2 of third ones.
    expect(share("caller-proxy")).toBeCloseTo(0.25);
    expect(share("instance")).toBeCloseTo(0.75);
    expect(outcomes.filter(({ by }) => by === "caller-proxy")).toEqual(
      [1, 2, 3].map(() => expect.objectContaining({ flags: ["UC", "URX"] })),
    );
  });
});

describe("the way", () => {
  const policies = (rules: string, more = "") =>
    writtenPolicies(
      `apiVersion: legation/v1\nkind: MeshDefaults\nname: mesh\nretries: { attempts: 1 }\n---\napiVersion: legation/v1\nkind: Service\nname: orders\ncircuitBreaker: { timeout: 2s }\n${more}---\napiVersion: legation/v1\nkind: Route\nname: r\nservice: orders\nrules:\n${rules}`,
    );

  it("names the document and the place that decided each step and setting", () => {
    const traffic = policies("  - { match: { path: { prefix: /a } }, timeouts: { request: 9s } }\n");
    const told = explain("http://orders/a/b", { traffic });
    expect(told.steps.find(({ at }) => at === "route")).toMatchObject({
      name: "Route/r#0",
      decidedBy: [{ source: "policy", document: "Route/r", path: "rules[0]" }],
    });
    const said = (url: string) => explain(url, { traffic }).ways[0]?.settings.slice(0, 3);
    expect(said("http://orders/a")).toMatchObject([
      { name: "timeout", value: "9 s", decidedBy: { document: "Route/r", path: "rules[0].timeouts.request" } },
      { name: "retries", decidedBy: { document: "MeshDefaults/mesh", path: "retries.attempts" } },
      { name: "balancing", value: "health_based", decidedBy: { source: "default" } },
    ]);
    expect(said("http://orders/")?.[0]).toMatchObject({
      value: "2 s",
      decidedBy: { document: "Service/orders", path: "circuitBreaker.timeout" },
    });
  });

  it("tells of rules that are passed over, with why, and of those that are never asked", () => {
    const traffic = policies(
      '  - { match: { path: { exact: /a } }, respond: { status: 410 } }\n  - { match: { path: { prefix: /a }, headers: { x-beta: { exact: "1" } } }, respond: { status: 411 } }\n  - { match: { path: { regex: "/a.*" } }, rewrite: { path: /b } }\n',
    );
    const step = (headers?: Record<string, string>) =>
      explain("http://orders/a/b", { traffic }, headers).steps.find(({ at }) => at === "route");
    expect(step()?.details).toEqual([
      "Route/r#0 is passed over: its path is exactly /a, and this is /a/b",
      "Route/r#1 is passed over: header x-beta is missing",
    ]);
    expect(step({ "x-beta": "1" })?.details.at(-1)).toBe("Route/r#1 matches too and is never asked: Route/r#2 stands before it");
    expect(explain("http://orders/a/b?q", { traffic }).steps.find(({ at }) => at === "request")?.text).toBe("the path becomes /b?q");
  });

  it.each([
    ["http://stock/", {}, /502: .*answers by itself|502: the proxy answers by itself/],
    ["tcp://orders", {}, /orders has no local port at web: write dependencies/],
    ["tcp://stock", {}, /stock is no declared dependency of web/],
    ["http://orders/", { orders: [] }, /503 \(UH\): orders is not registered/],
    ["http://orders/", { node: { kind: "gateway" as const } }, /a node of kind gateway gets no configuration/],
    ["http://orders/", { node: { outbound: "nowhere" } }, /no outbound listener/],
  ])("of %s ends in words", (url, given, summary) => {
    expect(explain(url, given).summary).toMatch(summary);
  });

  it("of bytes goes through the local port, and of a gRPC application by the service's own routes", () => {
    const orders = [instance({ meta: { protocol: "tcp" } })];
    const bytes = explain("tcp://orders", { orders, dependencies: ["orders:15432"] });
    expect([bytes.steps[0]?.name, bytes.summary]).toEqual(["outbound:orders:15432", "host-a/orders-1 answers"]);
    expect(explain("tcp://127.0.0.1:15432", { orders, dependencies: ["orders:15432"] }).summary).toBe(bytes.summary);
    const grpc = explain("xds:///orders", { orders: [instance({ meta: { protocol: "grpc" } })], node: { kind: "grpc" } });
    expect([grpc.steps[0]?.text, grpc.summary]).toEqual([expect.stringMatching(/xds:\/\/\/orders/), "host-a/orders-1 answers"]);
  });
});
