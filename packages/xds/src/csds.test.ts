/** CSDS and load reports, as their clients see them. */
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { ClientResourceStatus } from "@legation/envoy-api/envoy/admin/v3/config_dump_shared";
import { LoadStatsRequestSchema, LoadStatsResponseSchema } from "@legation/envoy-api/envoy/service/load_stats/v3/lrs";
import { ClientStatusRequestSchema, ClientStatusResponseSchema, ConfigStatus } from "@legation/envoy-api/envoy/service/status/v3/csds";
import { describe, expect, it } from "vitest";
import { csdsPaths } from "./csds.js";
import { type LoadReport, loadReportPath } from "./load-report.js";
import type { XdsServer } from "./server.js";
import { createScene, resource } from "./testing/scene.js";
import { DeltaClient, ScriptedWire, settle } from "./testing/scripted-client.js";
import { TypeUrl } from "./type.js";

const { cluster } = TypeUrl;

function fetchStatus(server: XdsServer, request: MessageInitShape<typeof ClientStatusRequestSchema> = {}) {
  const wire = new ScriptedWire();
  const call = server.accept(csdsPaths.fetch, wire);
  call?.message(Buffer.from(toBinary(ClientStatusRequestSchema, create(ClientStatusRequestSchema, request))));
  const configs = wire.frames.flatMap((frame) => fromBinary(ClientStatusResponseSchema, frame.subarray(5)).config);
  return { configs, ended: wire.ended };
}

async function oneGoodOneBad() {
  const scene = createScene();
  const [good, bad] = [resource(cluster, "good"), resource(cluster, "bad")];
  scene.cache.replace("all", [good, bad]);
  const client = new DeltaClient(scene.server, "node-1");
  client.send({ typeUrl: cluster, resourceNamesSubscribe: ["*", "absent"] });
  client.nack(await client.one(), "cluster bad: refused");
  await client.drain();
  return { ...scene, good, bad };
}

describe("CSDS", () => {
  it("shows what each client took, refused with its text, and was told to be absent (18)", async () => {
    const { server, good, bad } = await oneGoodOneBad();
    const { configs, ended } = fetchStatus(server);
    expect(ended).toEqual({ status: 0, message: "" });
    expect(configs[0]?.node?.id).toBe("node-1");
    const of = (name: string) => configs[0]?.genericXdsConfigs.find((config) => config.name === name);
    expect(of("good")).toMatchObject({
      typeUrl: cluster,
      versionInfo: good.version,
      configStatus: ConfigStatus.SYNCED,
      clientStatus: ClientResourceStatus.ACKED,
    });
    expect([...(of("good")?.xdsConfig?.value ?? [])]).toEqual([...good.bytes]);
    expect(of("bad")).toMatchObject({
      configStatus: ConfigStatus.ERROR,
      clientStatus: ClientResourceStatus.NACKED,
      errorState: { details: "cluster bad: refused", versionInfo: bad.version },
    });
    expect(of("absent")?.clientStatus).toBe(ClientResourceStatus.DOES_NOT_EXIST);
  });

  it("leaves contents out on request, and finds nodes by id", async () => {
    const { server } = await oneGoodOneBad();
    const matcher = (prefix: string) => ({ nodeId: { matchPattern: { case: "prefix" as const, value: prefix } } });
    expect(fetchStatus(server, { nodeMatchers: [matcher("other")] }).configs).toEqual([]);
    const { configs } = fetchStatus(server, { nodeMatchers: [matcher("node")], excludeResourceContents: true });
    expect(configs).toHaveLength(1);
    expect(configs[0]?.genericXdsConfigs.every((config) => config.xdsConfig === undefined)).toBe(true);
  });
});

describe("CSDS, as far as it may tell", () => {
  it("tells a caller of the nodes that it may speak for, and of no other", async () => {
    const authorize = (node: { id: string }, identity: unknown) => (node.id === identity ? undefined : "not you");
    const { server } = createScene({ authenticate: ({ headers }) => headers["x-name"], authorize });
    const peer = (name: string) => ({ address: "test", headers: { "x-name": name } });
    for (const node of ["web", "api"]) new DeltaClient(server, node, undefined, peer(node)).send({ typeUrl: cluster });
    const ask = async (name: string) => {
      const wire = new ScriptedWire(peer(name));
      server.accept(csdsPaths.fetch, wire)?.message(Buffer.alloc(0));
      await settle();
      return wire.frames.flatMap((frame) => fromBinary(ClientStatusResponseSchema, frame.subarray(5)).config).map(({ node }) => node?.id);
    };
    expect([await ask("web"), await ask("nobody")]).toEqual([["web"], []]);
  });

  it("tells all to a caller that may ask for the status, and why to one that may not", async () => {
    const { server } = createScene({
      authenticate: ({ headers }) => headers["x-name"],
      authorize: (node, identity) => (node.id === identity ? undefined : "not you"),
      authorizeStatus: (identity) => (identity === "operator" ? undefined : "for operators"),
    });
    const peer = (name: string) => ({ address: "test", headers: { "x-name": name } });
    for (const node of ["web", "api"]) new DeltaClient(server, node, undefined, peer(node)).send({ typeUrl: cluster });
    const ask = async (name: string) => {
      const wire = new ScriptedWire(peer(name));
      server.accept(csdsPaths.fetch, wire)?.message(Buffer.alloc(0));
      await settle();
      return wire;
    };
    const [frame] = (await ask("operator")).frames;
    expect(frame && fromBinary(ClientStatusResponseSchema, frame.subarray(5)).config.map(({ node }) => node?.id)).toEqual(["web", "api"]);
    const refused = await ask("web");
    expect([refused.frames, refused.ended]).toEqual([[], { status: 7, message: "for operators" }]);
  });

  it("tells no secret, neither one that was taken nor one that was refused", async () => {
    const { cache, server } = createScene();
    cache.replace("all", [resource(TypeUrl.secret, "good"), resource(TypeUrl.secret, "bad"), resource(cluster, "a")]);
    const client = new DeltaClient(server);
    client.send({ typeUrl: cluster });
    client.send({ typeUrl: TypeUrl.secret, resourceNamesSubscribe: ["good", "bad"] });
    for (const response of await client.take()) response.typeUrl === cluster ? client.ack(response) : client.nack(response, "bad: no");
    await client.drain();
    const configs = fetchStatus(server).configs[0]?.genericXdsConfigs ?? [];
    const told = configs.map((config) => [
      config.name,
      config.xdsConfig !== undefined,
      config.errorState?.failedConfiguration !== undefined,
    ]);
    expect(told.sort()).toEqual([
      ["a", true, false],
      ["bad", false, false],
      ["good", false, false],
    ]);
    expect(configs.find(({ name }) => name === "bad")?.errorState?.details).toBe("bad: no");
  });

  it("refuses a matcher that it does not understand, rather than to match nothing", () => {
    const regex = { nodeId: { matchPattern: { case: "safeRegex" as const, value: { regex: ".*" } } } };
    expect(fetchStatus(createScene().server, { nodeMatchers: [regex] }).ended).toMatchObject({ status: 3 });
  });
});

describe("load reports", () => {
  it("are taken only from a caller that may speak for its node", () => {
    const reports: LoadReport[] = [];
    const loadReports = { intervalMs: 1_000, onReport: (report: LoadReport) => void reports.push(report) };
    const { server } = createScene({ loadReports, authorize: ({ id }) => (id === "good" ? undefined : "not you") });
    const wire = new ScriptedWire();
    const call = server.accept(loadReportPath, wire);
    for (const request of [{ node: { id: "bad" } }, { clusterStats: [{ clusterName: "orders" }] }])
      call?.message(Buffer.from(toBinary(LoadStatsRequestSchema, create(LoadStatsRequestSchema, request))));
    expect([wire.ended, wire.frames, reports]).toEqual([{ status: 7, message: "not you" }, [], []]);
  });

  it("are asked for as configured and handed on with their node (18)", () => {
    const reports: LoadReport[] = [];
    const { server } = createScene({
      loadReports: { intervalMs: 1_500, endpoints: true, clusters: () => ["orders"], onReport: (report) => reports.push(report) },
    });
    const wire = new ScriptedWire();
    const call = server.accept(loadReportPath, wire);
    const send = (request: MessageInitShape<typeof LoadStatsRequestSchema>) =>
      call?.message(Buffer.from(toBinary(LoadStatsRequestSchema, create(LoadStatsRequestSchema, request))));
    send({ node: { id: "node-1" } });
    const [response] = wire.frames.map((frame) => fromBinary(LoadStatsResponseSchema, frame.subarray(5)));
    expect(response).toMatchObject({
      clusters: ["orders"],
      reportEndpointGranularity: true,
      loadReportingInterval: { seconds: 1n, nanos: 500_000_000 },
    });
    send({ clusterStats: [{ clusterName: "orders", totalDroppedRequests: 3n }] });
    expect(reports).toMatchObject([{ node: { id: "node-1" }, clusters: [{ clusterName: "orders", totalDroppedRequests: 3n }] }]);
  });

  it("do not exist where nobody wants them", () => {
    expect(createScene().server.accept(loadReportPath, new ScriptedWire())).toBeUndefined();
  });
});

describe("calls beside the discovery streams", () => {
  const reporting = { intervalMs: 1_000, onReport: () => undefined };
  const open = (server: XdsServer, path: string) => {
    const wire = new ScriptedWire();
    return { wire, call: server.accept(path, wire) };
  };

  it("are limited in number, apart from the streams", async () => {
    const { server } = createScene({ limits: { streams: 2 }, loadReports: reporting });
    const first = open(server, csdsPaths.stream);
    expect(open(server, loadReportPath).wire.ended).toBeUndefined();
    expect(open(server, loadReportPath).wire.ended).toMatchObject({ status: 8 });
    const client = new DeltaClient(server);
    client.send({ typeUrl: cluster });
    expect(await client.drain()).toHaveLength(1);
    first.call?.closed();
    expect(open(server, csdsPaths.stream).wire.ended).toBeUndefined();
  });

  it("are ended without a first request, and by the stop of the server", async () => {
    const { server, clock } = createScene({ limits: { firstRequestMs: 1_000 }, loadReports: reporting });
    const silent = [open(server, csdsPaths.stream), open(server, loadReportPath)];
    const active = open(server, loadReportPath);
    active.call?.message(Buffer.from(toBinary(LoadStatsRequestSchema, create(LoadStatsRequestSchema, { node: { id: "node" } }))));
    await clock.advance(1_000);
    for (const { wire } of silent) expect(wire.ended).toMatchObject({ status: 4 });
    expect(active.wire.ended).toBeUndefined();
    await server.stop({ graceMs: 0 });
    expect(active.wire.ended).toMatchObject({ status: 14 });
    expect(open(server, loadReportPath).wire.ended).toMatchObject({ status: 14 });
  });

  it("are cut off when their client reads nothing, also after their end", async () => {
    const { server, clock } = createScene({ limits: { unreadMs: 1_000 } });
    const [asking, leaving] = [open(server, csdsPaths.stream), open(server, csdsPaths.stream)];
    for (const { wire, call } of [asking, leaving]) {
      wire.stalled = true;
      call?.message(Buffer.from(toBinary(ClientStatusRequestSchema, create(ClientStatusRequestSchema))));
    }
    leaving.call?.halfClose();
    await clock.advance(999);
    expect([asking.wire.aborted, leaving.wire.aborted]).toEqual([false, false]);
    await clock.advance(1);
    expect([asking.wire.aborted, leaving.wire.aborted]).toEqual([true, true]);
    expect(clock.pending).toBe(0);
  });
});

it("ends the stream of a status client that asks on and on without reading the answers", () => {
  const { server } = createScene();
  const wire = new ScriptedWire();
  const call = server.accept(csdsPaths.stream, wire);
  const request = Buffer.from(toBinary(ClientStatusRequestSchema, create(ClientStatusRequestSchema)));
  for (let i = 0; i < 10; i += 1) call?.message(request);
  expect(wire.frames).toHaveLength(10);
  wire.stalled = true;
  for (let i = 0; i < 10; i += 1) call?.message(request);
  expect(wire.frames).toHaveLength(14);
  expect(wire.ended).toMatchObject({ status: 8, message: "4 answers are not read yet" });
});
