/** Proxies over all control planes. */
import type { ProxyStream } from "@legation/contract/api";
import type { Instance } from "@legation/mesh";
import { expect, test } from "vitest";
import type { Gather, Gathered } from "../replicas/gather.js";
import { serviceOf } from "../testing/catalog.js";
import { clustersTaken, proxyStream } from "../testing/proxy-stream.js";
import type { KnownReport } from "./expected.js";
import { countStates, createProxies } from "./proxies.js";
import { type ProxyAnswer, proxyAnswerOf } from "./question.js";

const told = (...rows: ProxyStream[]): ProxyAnswer => ({ streams: rows.map((one) => ({ row: one })) });

/** Two instances with an Envoy, web and orders, and one without. */
function registry() {
  const withEnvoy = (name: string, id: string) => {
    const service = serviceOf(name, id);
    const instances = service.instances.map(
      (instance): Instance => ({ ...instance, node: "n1", mesh: { address: "10.0.0.1", port: 20_000 } }),
    );
    return { ...service, instances };
  };
  return [withEnvoy("orders", "orders-1"), withEnvoy("web", "web-1"), serviceOf("legacy", "legacy-1")];
}

function scene(o: { own?: ProxyAnswer; other?: ProxyAnswer; silent?: readonly string[]; reports?: ReadonlyMap<string, KnownReport> }) {
  const gather: Gather = async <T>({ read }: { read: (answer: unknown) => T }): Promise<Gathered<T>> => ({
    answers: o.other ? [{ replica: "two", address: "10.0.0.2:8080", value: read(JSON.parse(JSON.stringify(o.other))) }] : [],
    silent: o.silent ?? [],
  });
  return createProxies({
    own: async () => o.own ?? told(),
    address: () => "10.0.0.1:8080",
    gather,
    services: registry,
    reports: async () => ({ reports: o.reports ?? new Map(), silent: [] }),
  });
}

const all = { node: "", service: "" };

test("each proxy is told once, at whichever control plane it is connected", async () => {
  const { proxies, silent } = await scene({
    own: told(proxyStream("n1/web-1", "web")),
    other: told(proxyStream("n1/orders-1", "orders")),
  }).list(all);
  expect(proxies.map(({ node, replica, state, connected }) => ({ node, replica, state, connected }))).toEqual([
    { node: "n1/orders-1", replica: "10.0.0.2:8080", state: "up-to-date", connected: true },
    { node: "n1/web-1", replica: "10.0.0.1:8080", state: "up-to-date", connected: true },
  ]);
  expect(silent).toEqual([]);
});

test("the newest of several streams says how a proxy stands", async () => {
  const old = proxyStream("n1/web-1", "web", { stream: 7, openedAt: "2026-01-01T00:00:00.000Z", ready: false });
  const fresh = proxyStream("n1/web-1", "web", { stream: 9, openedAt: "2026-01-02T00:00:00.000Z" });
  const proxies = scene({ own: told(old), other: told(fresh) });
  expect((await proxies.list({ node: "n1/web-1", service: "" })).proxies).toMatchObject([{ stream: 9, streams: 2, state: "up-to-date" }]);
  const { streams } = await proxies.one("n1/web-1");
  expect(streams.get("n1/web-1")?.map((one) => [one.row.stream, one.replica])).toEqual([
    [9, "10.0.0.2:8080"],
    [7, "10.0.0.1:8080"],
  ]);
});

test("one that should be connected is named with what is known of it, and not called absent while a control plane is silent", async () => {
  const own = told(proxyStream("n1/web-1", "web"));
  const [absent] = (await scene({ own }).list({ node: "", service: "orders" })).proxies;
  expect(absent).toMatchObject({ node: "n1/orders-1", state: "absent", connected: false });
  expect(absent?.reason).toBe("it is not connected: it is registered with an Envoy, and no agent reports for it");
  const silent = ["10.0.0.2:8080 refused the connection"];
  const [unknown] = (await scene({ own, silent }).list({ node: "n1/orders-1", service: "" })).proxies;
  expect(unknown).toMatchObject({ state: "unknown" });
  expect(unknown?.reason).toContain("it may be connected to a control plane that does not answer: 10.0.0.2:8080 refused the connection");
});

test("an Envoy that an agent reports is expected before it is registered; one whose service stops is not", async () => {
  const report = (state: KnownReport["report"]["state"], phase: "live" | "down") => ({
    report: { node: "n2", id: "mail-1", service: "mail", state, standing: { envoy: { phase, reason: "its port is taken" } } },
    ...{ receivedAt: 0, silent: false },
  });
  const listed = async (known: KnownReport) =>
    (await scene({ reports: new Map([["n2/mail-1", known]]) }).list({ node: "", service: "mail" })).proxies;
  expect(await listed(report("running", "down"))).toMatchObject([{ reason: "it is not connected: its Envoy is down: its port is taken" }]);
  expect((await listed(report("running", "live")))[0]?.reason).toMatch(/its Envoy lives, and that is connected to no control plane$/);
  expect(await listed(report("stopped", "down"))).toEqual([]);
});

test("what a proxy refused is told with the policy that is to blame, before all else", async () => {
  const rejected = [
    { name: "orders", version: "2", message: "no such thing", attempts: 1, policies: ["Service/orders: balancing.slowStart"] },
  ];
  const types = [{ ...clustersTaken, acknowledged: 2, outstandingSince: "2026-01-01T00:00:00.000Z", rejected }];
  const late = proxyStream("n1/orders-1", "orders", {
    behindMs: 12_400,
    types: [{ ...clustersTaken, acknowledged: 1, outstandingSince: "2026-01-01T00:00:00.000Z" }],
  });
  const { proxies } = await scene({ own: told(late, proxyStream("n1/web-1", "web", { types })) }).list(all);
  expect(proxies.map(({ state, reason }) => [state, reason])).toEqual([
    ["behind", "it has not acknowledged 2 resources (cluster) for 12 s"],
    ["refused", "Service/orders: balancing.slowStart: it refused cluster orders: no such thing"],
  ]);
  expect(countStates(proxies)).toEqual({ behind: 1, refused: 1 });
});

test("an answer of a version that says something else is not understood", () => {
  expect(() => proxyAnswerOf({ proxies: [] })).toThrow("what this version does not understand");
  expect(() => proxyAnswerOf(null)).toThrow();
  const { types: _, ...row } = proxyStream("n1/web-1", "web");
  for (const stream of [null, {}, { row }])
    expect(() => proxyAnswerOf({ streams: [stream] })).toThrow("what this version does not understand");
  expect(proxyAnswerOf(told(proxyStream("n1/web-1", "web"))).streams).toHaveLength(1);
});
