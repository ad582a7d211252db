import { fromBinary } from "@bufbuild/protobuf";
import type { NodeMetadata } from "@legation/contract";
import { ListenerSchema } from "@legation/envoy-api/envoy/config/listener/v3/listener";
import { RouteConfigurationSchema } from "@legation/envoy-api/envoy/config/route/v3/route";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CatalogService } from "./catalog/instance.js";
import { compileNode } from "./compile-node.js";
import { layersOf } from "./layers.js";
import { noTraffic } from "./policy/traffic/traffic-policies.js";
import { anyService, instance } from "./proof/instances.js";

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
