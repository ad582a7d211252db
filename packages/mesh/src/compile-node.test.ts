import { fromBinary } from "@bufbuild/protobuf";
import { dependencyOf, type NodeMetadata } from "@legation/contract";
import { ListenerSchema } from "@legation/envoy-api/envoy/config/listener/v3/listener";
import { RouteConfigurationSchema } from "@legation/envoy-api/envoy/config/route/v3/route";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { calleeOf } from "./callee.js";
import type { CatalogService } from "./catalog/instance.js";
import { compileNode, compileView } from "./compile-node.js";
import { layersOf } from "./layers.js";
import { noTraffic } from "./policy/traffic/traffic-policies.js";
import { anyService, instance } from "./proof/instances.js";
import { writtenPolicies } from "./proof/written-policies.js";

const web: NodeMetadata = {
  api: 1,
  service: "web",
  kind: "sidecar",
  inbound: "10.0.0.1:20000",
  app: "127.0.0.1:3000",
  outbound: "127.0.0.1:15001",
  protocol: "http",
  dependencies: [],
};
const dependsOn = (...names: string[]): NodeMetadata => ({ ...web, dependencies: names.map((name) => ({ name, optional: false })) });
const registered = (name: string): CatalogService => ({ name, instances: [instance({ service: name })] });
const compile = (node: NodeMetadata, catalog: (name: string) => CatalogService | undefined = registered) =>
  compileNode(node, catalog, noTraffic);
const domains = (node: NodeMetadata, catalog = registered) =>
  compile(node, catalog).view.flatMap(({ bytes }) =>
    fromBinary(RouteConfigurationSchema, bytes).virtualHosts.map((host) => host.domains[0]),
  );

describe("a compiled node", () => {
  it("gets listeners, routes, and the clusters of what it declares, whatever the order", () => {
    const { view, instance: own, clusters, problems } = compile(dependsOn("orders", "cache"));
    expect(view.map(({ name }) => name)).toEqual(["outbound"]);
    expect(own.map(({ name }) => name)).toEqual(["outbound", "inbound", "inbound:application"]);
    expect(clusters).toEqual(["cache", "orders"]);
    expect(problems).toEqual([]);
    expect(compile(dependsOn("cache", "orders"))).toEqual(compile(dependsOn("orders", "cache")));
  });

  it("does not change with the endpoints of what it calls", () => {
    const before = compile(dependsOn("orders"));
    fc.assert(
      fc.property(anyService, (service) => {
        const speaksTcp = service.instances.some(({ meta }) => meta["protocol"] === "tcp");
        fc.pre(service.instances.length > 0 && !speaksTcp);
        expect(compile(dependsOn("orders"), () => service)).toEqual(before);
      }),
    );
  });

  it("shares its view with every node of its view layer, and its own resources with none but itself", () => {
    const zone = { region: "r", zone: "a" };
    const twin: NodeMetadata = { ...dependsOn("orders"), inbound: "10.0.0.2:20000", outbound: "127.0.0.1:15009" };
    const [a, b] = [dependsOn("orders"), twin];
    const of = (node: NodeMetadata, place = zone, id = "n/web") => layersOf(node, place, id);
    expect(of(a).view).toBe(of(b, zone, "n/web-2").view);
    expect(compile(a).view).toEqual(compile(b).view);
    expect(of(a).instance).not.toBe(of(b).instance);
    expect(of(a).instance).not.toBe(of(a, zone, "n/web-2").instance);
    const other = dependsOn("payments");
    expect(of(a).instance).toBe(of(other).instance);
    expect(compile(a).instance).toEqual(compile(other).instance);
    expect(of(a).view).not.toBe(of(other).view);
    expect(of(a).view).not.toBe(of(a, { region: "r", zone: "b" }).view);
  });

  it("shares its view only with nodes that have a certificate too, wherever theirs lies", () => {
    const zone = { region: "", zone: "" };
    const [none, one, other] = [undefined, "/run/a", "/run/b"].map((certificates) =>
      layersOf({ ...web, ...(certificates ? { certificates } : {}) }, zone, "n/web"),
    );
    expect(one?.view).toBe(other?.view);
    expect(one?.view).not.toBe(none?.view);
    expect(new Set([none, one, other].map((layers) => layers?.instance)).size).toBe(3);
  });

  it("tells a name with a comma from two names in its view layer", () => {
    const zone = { region: "", zone: "" };
    expect(layersOf(dependsOn("a,b"), zone, "n/web").view).not.toBe(layersOf(dependsOn("a", "b"), zone, "n/web").view);
  });
});

describe("a dependency on a local port", () => {
  const on = (word: string, more: Partial<NodeMetadata> = {}): NodeMetadata => ({ ...web, dependencies: [dependencyOf(word)], ...more });
  const speaks = (protocol: string) => (name: string) => ({ name, instances: [instance({ service: name, meta: { protocol } })] });
  const names = (node: NodeMetadata, catalog: (name: string) => CatalogService | undefined) =>
    compile(node, catalog).view.map(({ typeUrl, name }) => `${typeUrl.split(".").at(-1)} ${name}`);
  const zone = { region: "", zone: "" };

  it("is a listener for bytes where it speaks tcp or nobody knows, and one for HTTP with routes of its own else", () => {
    const [own, listener] = ["RouteConfiguration outbound", "Listener outbound:db:15432"];
    expect(names(on("db:15432"), speaks("tcp"))).toEqual([own, listener]);
    expect(names(on("db:15432"), () => undefined)).toEqual([own, listener]);
    expect(names(on("db:15432"), speaks("grpc"))).toEqual([own, listener, "RouteConfiguration outbound:db:15432"]);
  });

  it("is part of what nodes must agree in to share their views, and their outbound port is not", () => {
    const view = (node: NodeMetadata) => layersOf(node, zone, "n/web").view;
    expect(view(on("db:15432?"))).toBe(view(on("db:15432", { outbound: "127.0.0.1:15009", inbound: "10.0.0.7:20000" })));
    const others = [on("db"), on("db:15433"), on("db:15432", { outbound: "127.0.0.2:15001" }), on("db:15432", { app: "127.0.0.1:15432" })];
    expect(new Set([on("db:15432"), ...others].map(view)).size).toBe(5);
  });

  it.each([
    [on("db:15001"), "local port 15001 of dependency db is not opened: it is that of the outbound address too. Choose another one"],
    [on("db:3000"), "local port 3000 of dependency db is not opened: it is that of the app address too. Choose another one"],
    [
      on("db:20000", { inbound: "0.0.0.0:20000" }),
      "local port 20000 of dependency db is not opened: it is that of the inbound address too",
    ],
    [on("db:1", { outbound: "localhost:15001" }), 'db:1: no local port is opened: outbound is "localhost:15001", and has to be an IP'],
    [on("db:1", { kind: "grpc" }), "db:1: no local port is opened without an Envoy: leave the ports out"],
  ])("that cannot be opened is named", (node, message) => {
    const { problems } = compileView(node, (name) => calleeOf(registered(name), noTraffic, "off"));
    expect(problems).toEqual([{ code: "dependency-port", service: "web", message: expect.stringContaining(message) }]);
  });

  it("belongs to the first of two that want it", () => {
    const node = { ...web, dependencies: [dependencyOf("db:15432"), dependencyOf("cache:15432")] };
    expect(names(node, speaks("tcp"))).toContain("Listener outbound:cache:15432");
    const problems = compile(node, speaks("tcp")).problems.map(({ code, message }) => [code, message]);
    expect(problems).toContainEqual([
      "dependency-port",
      expect.stringContaining("15432 of dependency db is not opened: it is that of dependency cache"),
    ]);
  });

  it("is asked for where a tcp service has none", () => {
    expect(compile(on("db"), speaks("tcp")).problems).toEqual([
      { code: "dependency-tcp", service: "web", message: expect.stringContaining("dependencies: [{name: db, localPort: 15432}]") },
    ]);
    expect(compile(on("db:15432"), speaks("tcp")).problems).toEqual([]);
    expect(compile(on("db", { kind: "grpc" }), speaks("tcp")).problems).toEqual([
      { code: "dependency-tcp", service: "web", message: "dependency db speaks tcp and is not served over gRPC. Call it through an Envoy" },
    ]);
  });
});

describe("what a node declares wrongly", () => {
  it.each<[string, string[], string, RegExp]>([
    ["itself", ["web"], "dependency-self", /web depends on itself.*remove it/],
    ["a name that is no DNS label", ["my_cache"], "dependency-name", /"my_cache" is not a DNS label/],
    ["a name with a wildcard", ["*"], "dependency-name", /"\*" is not a DNS label/],
  ])("%s is left out, and nothing else is", (_, names, code, message) => {
    const { clusters, problems } = compile(dependsOn(...names, "orders"));
    expect(clusters).toEqual(["orders"]);
    expect(problems).toEqual([{ code, service: "web", message: expect.stringMatching(message) }]);
  });

  it("a service that nobody registered has a cluster and a virtual host all the same", () => {
    const { clusters, problems } = compile(dependsOn("nobody"), () => undefined);
    expect(clusters).toEqual(["nobody"]);
    expect(problems).toMatchObject([{ code: "dependency-unknown", message: expect.stringContaining("nobody is not registered") }]);
    expect(domains(dependsOn("nobody"), () => ({ name: "nobody", instances: [] }))).toEqual(["nobody", "*"]);
  });

  it("a dependency may have any name: that of the virtual host for all others is none", () => {
    const [routes] = compile(dependsOn("undeclared", "outbound")).view;
    const names = fromBinary(RouteConfigurationSchema, routes?.bytes ?? new Uint8Array()).virtualHosts.map(({ name }) => name);
    expect(names).toEqual(["outbound", "undeclared", "outbound:undeclared"]);
  });

  it("gRPC calls that a rule sends to a service without HTTP/2 fail, in words", () => {
    const rules = "rules: [{ to: [{ service: rpc, weight: 1 }, { service: page, weight: 1 }] }]";
    const policies = writtenPolicies(`apiVersion: legation/v1\nkind: Route\nname: split\nservice: rpc\n${rules}\n`);
    const speaks = (protocol: string) => (name: string) => ({
      name,
      instances: [instance({ service: name, meta: { protocol: name === "rpc" ? protocol : "http" } })],
    });
    expect(compileNode(dependsOn("rpc"), speaks("http"), policies).problems).toEqual([]);
    expect(compileNode(dependsOn("rpc"), speaks("grpc"), policies).problems).toMatchObject([
      {
        code: "route-target",
        message: expect.stringContaining("Route/split#0 sends gRPC calls to page, which speaks http, and gRPC needs HTTP/2"),
      },
    ]);
  });

  it("of two names that are one host name, the registered one stays", () => {
    const onlyLower = (name: string) => (name === "orders" ? registered(name) : undefined);
    const { clusters, problems } = compile(dependsOn("Orders", "orders"), onlyLower);
    expect(clusters).toEqual(["orders"]);
    expect(problems).toMatchObject([{ code: "dependency-twice", message: expect.stringContaining("Orders is left out") }]);
  });

  it("a dependency that is named twice, once as optional, counts once without a word", () => {
    const twice: NodeMetadata = {
      ...web,
      dependencies: [
        { name: "orders", optional: true },
        { name: "orders", optional: false },
      ],
    };
    expect(compile(twice)).toEqual(compile(dependsOn("orders")));
  });

  it("a TCP dependency is answered in words", () => {
    const tcp = (name: string) => ({ name, instances: [instance({ service: name, meta: { protocol: "tcp" } })] });
    const { view, problems } = compile(dependsOn("db"), tcp);
    expect(problems).toMatchObject([{ code: "dependency-tcp" }]);
    const [host] = view.flatMap(({ bytes }) => fromBinary(RouteConfigurationSchema, bytes).virtualHosts);
    expect(host?.routes.map((route) => route.action.case)).toEqual(["directResponse", "directResponse"]);
  });

  it("any list of names gives routes that Envoy takes: each domain once", () => {
    const word = fc.oneof(fc.string(), fc.constantFrom("web", "Web", "a", "A", "a.mesh", "mesh", "*", "b"));
    fc.assert(
      fc.property(fc.array(word, { maxLength: 10 }), (names) => {
        const all = compile(dependsOn(...names)).view.flatMap(({ bytes }) =>
          fromBinary(RouteConfigurationSchema, bytes).virtualHosts.flatMap((host) => host.domains.map((domain) => domain.toLowerCase())),
        );
        expect(new Set(all).size).toBe(all.length);
      }),
    );
  });

  it("an inbound address that cannot be bound costs the inbound side only", () => {
    const { instance: own, problems } = compile({ ...web, inbound: "web.internal:20000" });
    expect(own.map(({ name }) => name)).toEqual(["outbound"]);
    expect(problems).toMatchObject([{ code: "node-address", message: expect.stringContaining("web.internal:20000") }]);
  });
});

describe("other kinds of nodes", () => {
  it("a gRPC application gets an API listener and routes per dependency, and no Envoy listener", () => {
    const { view, instance: own, clusters } = compile({ ...dependsOn("orders"), kind: "grpc", inbound: "", app: "", outbound: "" });
    expect(own).toEqual([]);
    expect(clusters).toEqual(["orders"]);
    expect(view.map(({ typeUrl, name }) => [typeUrl.split(".").at(-1), name])).toEqual([
      ["Listener", "orders"],
      ["RouteConfiguration", "orders"],
    ]);
    const [listener] = view;
    expect(listener && fromBinary(ListenerSchema, listener.bytes).apiListener).toBeDefined();
  });

  it("a gateway gets nothing yet, and is told so", () => {
    expect(compile({ ...web, kind: "gateway" })).toMatchObject({
      view: [],
      instance: [],
      clusters: [],
      problems: [{ code: "gateway-unserved" }],
    });
  });
});
