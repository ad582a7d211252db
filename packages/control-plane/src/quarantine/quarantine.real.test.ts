/** What a real Envoy refuses: the rest of the same push goes on, and an Envoy that starts afterwards refuses nothing. */
import { get, type IncomingMessage } from "node:http";
import { create } from "@bufbuild/protobuf";
import { freePorts } from "@legation/consul/testing";
import type { NodeMetadata } from "@legation/contract";
import { encode } from "@legation/envoy-api";
import { VirtualHostSchema } from "@legation/envoy-api/envoy/config/route/v3/route_components";
import { compileNode, type MeshResource, noTraffic, routesType, withRouteParts } from "@legation/mesh";
import { createLogger, systemClock } from "@legation/runtime";
import { createResourceCache, createXdsServer } from "@legation/xds";
import { afterEach, expect, test } from "vitest";
import { startEnvoy } from "../testing/envoy.js";
import { createTestEvents } from "../testing/events.js";
import { until } from "../testing/until.js";
import { createQuarantine } from "./quarantine.js";

async function textOf(url: string, host: string): Promise<string> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => get(url, { headers: { host } }, resolve).once("error", reject));
  let text = "";
  for await (const part of response) text += String(part);
  return text;
}

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Without an inbound listener. */
const web = (outbound: number): NodeMetadata => ({
  ...{ api: 1, service: "web", kind: "sidecar", inbound: "none", app: "127.0.0.1:1", outbound: `127.0.0.1:${outbound}`, protocol: "http" },
  dependencies: ["orders", "stock"].map((name) => ({ name, optional: false })),
});

const compiled = (outbound: number) => compileNode(web(outbound), (name) => ({ name, instances: [] }), noTraffic);

/** The routes, with a virtual host per service that answers every path of the pattern with the service's words. */
function routes(hosts: Readonly<Record<string, { readonly says: string; readonly path?: string }>>): MeshResource[] {
  const others = Object.entries(hosts).map(([name, { says, path = "/.*" }]) => {
    const host = create(VirtualHostSchema, {
      name,
      domains: [name],
      routes: [
        {
          match: { pathSpecifier: { case: "safeRegex", value: { regex: path } } },
          action: { case: "directResponse", value: { status: 200, body: { specifier: { case: "inlineString", value: says } } } },
        },
      ],
    });
    return [name, encode(VirtualHostSchema, host)] as const;
  });
  return compiled(1).view.map((one) => (one.typeUrl === routesType ? withRouteParts(one, new Map(others)) : one));
}

test("the virtual host that an Envoy refuses stays as it was there and at one that starts, and the other one changes", async () => {
  const quarantine = createQuarantine({
    cache: createResourceCache(),
    streams: () => server.status(),
    events: createTestEvents(systemClock),
    save: () => undefined,
    clock: systemClock,
    log: createLogger({ name: "test", level: "silent" }),
  });
  const server = createXdsServer({
    cache: quarantine.cache,
    view: ({ id }) => ({ layers: [id, "all"] }),
    onEvent: (event) => quarantine.take(event),
  });
  cleanups.push(async () => quarantine.stop());
  cleanups.push(() => server.stop({ graceMs: 0 }));
  const { port } = await server.listen("127.0.0.1:0");
  const start = async (id: string) => {
    const [outbound = 0] = await freePorts(1);
    quarantine.cache.replace(id, compiled(outbound).instance);
    const envoy = await startEnvoy({ id, metadata: web(outbound), xds: `127.0.0.1:${port}` });
    cleanups.push(() => envoy.stop());
    await until("the outbound listener", () => envoy.outbound());
    return {
      says: (host: string) => textOf(`http://127.0.0.1:${outbound}/`, host),
      rejected: async () => Object.values(await envoy.stats(/update_rejected$/)).reduce((sum, count) => sum + count, 0),
    };
  };
  quarantine.cache.replace("all", routes({ orders: { says: "orders 1" }, stock: { says: "stock 1" } }));
  const one = await start("one");
  await until("the first routes", async () => (await one.says("stock")) === "stock 1");

  quarantine.cache.replace("all", routes({ orders: { says: "orders 2", path: "/(" }, stock: { says: "stock 2" } }));
  await until("the stock's new routes", async () => (await one.says("stock")) === "stock 2");
  expect(await one.says("orders")).toBe("orders 1");
  expect(quarantine.list().map(({ name, part, node }) => ({ name, part, node }))).toContainEqual({
    name: "orders",
    part: true,
    node: "one",
  });

  await until("the stock not to be held back", () => quarantine.list().length === 1);
  const two = await start("two");
  await until("both at the second Envoy", async () => (await two.says("stock")) === "stock 2" && (await two.says("orders")) === "orders 1");
  expect([await two.rejected(), (await one.rejected()) <= 3]).toEqual([0, true]);

  quarantine.cache.replace("all", routes({ orders: { says: "orders 3" }, stock: { says: "stock 2" } }));
  for (const envoy of [one, two]) await until("the mended routes", async () => (await envoy.says("orders")) === "orders 3");
  expect(quarantine.list()).toEqual([]);
});
