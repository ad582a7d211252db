/** Connections of which only one end still works: found by HTTP/2's pings, and forgotten with their streams. */
import { once } from "node:events";
import http2 from "node:http2";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { DeltaDiscoveryRequestSchema } from "@legation/envoy-api/envoy/service/discovery/v3/discovery";
import { afterEach, expect, it } from "vitest";
import { createResourceCache } from "./cache.js";
import { createXdsServer } from "./server.js";
import { eventually } from "./testing/real-envoy.js";
import { framed } from "./transport.js";
import { TypeUrl } from "./type.js";

const path = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A cable to a port: its own port, and what cuts it, so that nothing comes through any more and neither end is told. */
async function cableTo(port: number): Promise<[port: number, cut: () => void]> {
  const ends: Socket[] = [];
  const cable = createServer((near) => {
    const far = connect({ port, host: "127.0.0.1" });
    ends.push(near, far);
    for (const end of [near, far]) end.on("error", () => undefined);
    near.pipe(far, { end: false });
    far.pipe(near, { end: false });
  });
  cable.listen(0, "127.0.0.1");
  await once(cable, "listening");
  cleanups.push(() => {
    for (const end of ends) end.destroy();
    cable.close();
  });
  const cut = () => {
    for (const end of ends) end.unpipe().pause();
  };
  return [(cable.address() as AddressInfo).port, cut];
}

it("a client that answers no ping is forgotten, and one that answers stays (24)", async () => {
  const cache = createResourceCache();
  cache.replace("all", []);
  const server = createXdsServer({ cache, view: () => ({ layers: ["all"] }), keepalive: { interval: 100, timeout: 1_000 } });
  cleanups.push(() => server.stop({ graceMs: 0 }));
  const { port } = await server.listen("127.0.0.1:0");
  const request = (id: string) =>
    framed(toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, { node: { id }, typeUrl: TypeUrl.cluster })));
  const [cable, cut] = await cableTo(port);
  const [, alive] = [
    ["deaf", cable],
    ["alive", port],
  ].map(([id, to]) => {
    const session = http2.connect(`http://127.0.0.1:${to}`);
    cleanups.push(() => session.destroy());
    session.on("error", () => undefined);
    const stream = session.request({ ":method": "POST", ":path": path, "content-type": "application/grpc" });
    stream.on("error", () => undefined);
    stream.write(request(String(id)));
    return session;
  });
  const nodes = () =>
    server
      .status()
      .map(({ node }) => node)
      .sort();
  await eventually(() => nodes().length === 2);
  const pinged = once(alive as http2.ClientHttp2Session, "ping");
  cut();
  await eventually(() => nodes().length === 1);
  await pinged;
  expect(nodes()).toEqual(["alive"]);
});
