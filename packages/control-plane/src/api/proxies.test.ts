/** The routes of proxies, agents and the graph: what they show, to whom, and what they say of what they do not have. */
import { splitInstanceKey } from "@legation/contract";
import type { AgentList, AgentRow, DriftReport, GraphView, ProxyDetail, ProxyList } from "@legation/contract/api";
import fastify, { type FastifyInstance } from "fastify";
import { expect, test } from "vitest";
import { createProxies } from "../proxies/proxies.js";
import { openAccess } from "../security/access.js";
import { holdAnswers } from "../testing/answers.js";
import { clustersTaken, clusterType, proxyStream } from "../testing/proxy-stream.js";
import { addAgentRoute } from "./agents.js";
import { addGraphRoute } from "./graph.js";
import { useProblems } from "./problem.js";
import { addProxyRoutes } from "./proxies.js";

const rejected = [{ name: "orders", version: "2", message: "no such thing", attempts: 1, provenance: { service: "orders" }, policies: [] }];
const rows = [
  proxyStream("n1/web-1", "web"),
  proxyStream("n1/secret-1", "secret", { types: [{ ...clustersTaken, acknowledged: 2, rejected }] }),
  { ...proxyStream("n1/odd", ""), service: null, ready: false },
];
const versions = [{ type: "cluster", typeUrl: clusterType, sent: { a: "1" }, acknowledged: { a: "1" }, absent: [] }];
const agent: AgentRow = {
  ...{ node: "n1", id: "web-1", service: "web", agentVersion: "0.1.0", state: "running", reason: "it runs", silent: false },
  ...{ reportedAt: "2026-01-01T00:00:00.000Z", replica: "10.0.0.1:8080", admin: "http://127.0.0.1:19100" },
  envoy: { phase: "live", reason: "Envoy is live", version: "1.40.0" },
};
const graph: GraphView = {
  layers: [["secret"], ["web"]],
  ...{ cycles: [], startupOrder: ["secret", "web"], shutdownOrder: ["web", "secret"], silent: [] },
  edges: [{ from: "web", to: "secret", kind: "both", declared: "required", calls: 3 }],
};
const drift: DriftReport = {
  ...{ node: "n1/web-1", service: "web", state: "none", reason: "Envoy holds the 1 resources that it was sent", envoy: "1.40.0" },
  ...{ replica: "10.0.0.1:8080", stream: 1, streams: 1, compared: 1, pending: 0, differences: [], leftOut: 0, draining: [], silent: [] },
};

/** A server whose caller may read these services; all of them, and the mesh, unless given. */
async function server(readable?: readonly string[]): Promise<FastifyInstance> {
  const app = fastify();
  useProblems(app);
  holdAnswers(app);
  app.decorateRequest("access");
  app.addHook("preHandler", async (request) => {
    const open = openAccess({ kind: "open", address: request.ip }, { detail: {} });
    const limited = { readable: async () => new Set(readable), mayRead: async () => false };
    request.access = readable ? { ...open, ...limited } : open;
  });
  const proxies = createProxies({
    own: async ({ node }) => ({
      streams: rows
        .filter((row) => node === "" || row.node === node)
        .map((row) => ({ row, ...(node === "" ? {} : { detail: { versions, marks: {} } }) })),
    }),
    address: () => "10.0.0.1:8080",
    gather: async () => ({ answers: [], silent: ["10.0.0.2:8080 refused the connection"] }),
    services: () => [],
    reports: async () => ({ reports: new Map(), silent: [] }),
  });
  addProxyRoutes(app, {
    proxies,
    drift: async (node) => (splitInstanceKey(node)?.id === "web-1" ? drift : null),
    own: async () => ({ streams: [] }),
    resourcesSent: () => 9,
  });
  addAgentRoute(app, { list: async () => ({ agents: [agent], silent: [] }), listening: () => [] });
  addGraphRoute(app, async () => graph);
  return app;
}

const get = async <T>(app: FastifyInstance, url: string) => {
  const reply = await app.inject(url);
  return { status: reply.statusCode, text: reply.body, body: (reply.body.startsWith("{") ? reply.json() : undefined) as T };
};

test("all proxies are listed with those control planes that were silent, and chosen by node, service and state", async () => {
  const app = await server();
  const { body } = await get<ProxyList>(app, "/api/proxies");
  expect(body).toMatchObject({ total: 3, connected: 3, states: { refused: 1, "up-to-date": 1, waiting: 1 }, resourcesSent: 9 });
  expect(body.silent).toEqual(["10.0.0.2:8080 refused the connection"]);
  const nodes = async (query: string) => (await get<ProxyList>(app, `/api/proxies?${query}`)).body.proxies.map(({ node }) => node);
  expect(await nodes("state=refused")).toEqual(["n1/secret-1"]);
  expect(await nodes("node=n1%2Fweb-1")).toEqual(["n1/web-1"]);
  const wrong = await get<{ detail: string }>(app, "/api/proxies?state=broken");
  expect([wrong.status, wrong.body.detail]).toEqual([400, expect.stringContaining("query.state")]);
});

test("one proxy is shown with its versions, and whether its Envoy holds them", async () => {
  const app = await server();
  const { body } = await get<ProxyDetail>(app, "/api/proxies/n1/web-1");
  expect(body).toMatchObject({ proxy: { node: "n1/web-1", replica: "10.0.0.1:8080" }, versions, older: [] });
  expect((await get<DriftReport>(app, "/api/proxies/n1/web-1/drift")).body).toEqual(drift);
  for (const path of ["/api/proxies/n1/nobody", "/api/proxies/n1/nobody/drift"]) {
    const missing = await get<{ code: string; detail: string }>(app, path);
    expect([missing.status, missing.body.code]).toEqual([404, "proxy.unknown"]);
    expect(missing.body.detail).toContain(
      'no proxy "n1/nobody" is connected or expected; these control planes do not answer: 10.0.0.2:8080',
    );
  }
});

test("who may read one service sees its proxies, agents and calls alone", async () => {
  const app = await server(["web"]);
  const { body } = await get<ProxyList>(app, "/api/proxies");
  expect(body.proxies.map(({ node }) => node)).toEqual(["n1/web-1"]);
  expect(body).toMatchObject({ total: 1, states: { "up-to-date": 1 } });
  for (const path of ["/api/proxies/n1/secret-1", "/api/proxies/n1/secret-1/drift", "/api/proxies/n1/odd"])
    expect((await get(app, path)).status, path).toBe(404);
  expect((await get<GraphView>(app, "/api/graph")).body).toMatchObject({ layers: [["web"]], startupOrder: ["web"] });
  expect((await get<AgentList>(await server(["orders"]), "/api/agents")).body).toEqual({ total: 0, silent: [], agents: [] });
});

test("agents are listed, and the graph is given as JSON, for Graphviz and drawn", async () => {
  const app = await server();
  expect((await get<AgentList>(app, "/api/agents?service=web")).body).toEqual({ total: 1, silent: [], agents: [agent] });
  expect((await get<GraphView>(app, "/api/graph")).body).toEqual(graph);
  expect((await get(app, "/api/graph?format=dot")).text).toContain('"web" -> "secret" [label="3"];');
  expect((await get(app, "/api/graph?format=text")).text).toContain("└ 2  web  needs secret\n");
});
