import { createServer, type Server } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { call as callAnywhere, type Surroundings } from "./testing/capture.js";
import { listening } from "./testing/listening.js";

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** A server that answers every path of `answers`, and 404 with a problem to others; returns its URL. */
async function serve(answers: Record<string, unknown>): Promise<string> {
  const server = createServer((request, response) => {
    const answer = answers[request.url ?? ""];
    const body = answer ?? { status: 404, detail: `GET ${request.url} does not exist here` };
    response.writeHead(answer === undefined ? 404 : 200, { "content-type": "application/json" });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  });
  servers.push(server);
  return await listening(server);
}

/** A URL at which nothing listens. */
async function nobody(): Promise<string> {
  const url = await serve({});
  const server = servers.pop();
  await new Promise((resolve) => server?.close(resolve));
  return url;
}

/** Calls `legation` in a terminal of 80 columns. */
function call(argv: string[], surroundings: Surroundings = {}) {
  return callAnywhere(argv, { columns: 80, ...surroundings });
}

const orders = {
  name: "orders",
  protocol: "http",
  tags: [],
  versions: ["1.0", "1.1"],
  dependencies: ["payments", "cache?"],
  endpoints: { healthy: 2, degraded: 0, unhealthy: 1, draining: 1, omitted: 0 },
  instances: [],
  problems: [
    { code: "x", service: "orders", message: "the instance n1/orders-4 is registered with port 0. Give it the port of its application" },
  ],
};
const web = {
  ...orders,
  name: "web",
  versions: [],
  dependencies: [],
  endpoints: { healthy: 1 },
  problems: [],
};

describe("legation services", () => {
  it("shows a table with what is wrong below it, within 80 columns", async () => {
    const api = await serve({ "/services": { total_services: 2, services: { orders, web } } });
    expect(await call(["services", "--api", api])).toEqual({
      code: 0,
      err: "",
      out: `SERVICE  PROTOCOL  HEALTHY  OTHERS                   VERSIONS  CALLS
orders   http      2 of 4   1 unhealthy, 1 draining  1.0, 1.1  payments, cache?
web      http      1 of 1   -                        -         -

orders: the instance n1/orders-4 is registered with port 0. Give it the port of
  its application
`,
    });
    expect((await call(["services"], { env: { LEGATION_API: api }, columns: 40 })).out).toContain("SERVICE: orders\nPROTOCOL: http\n");
  });

  it("says below the table which breakers are not closed, and who keeps only a part of its weight", async () => {
    const breaker = (state: string, callers: number) => ({ state, callers, by: [{ caller: "n1/web-1", cause: "consecutive 5xx" }] });
    const instance = { node: "n1", id: "o1", share: 100, breaker: { state: "closed", callers: 0, by: [] } };
    const instances = [instance, { ...instance, id: "o2", share: 0.5 }, { ...instance, id: "o3", breaker: breaker("half-open", 1) }];
    const api = await serve({ "/services": { total: 1, services: { web: { ...web, breaker: breaker("open", 3), instances } } } });
    const { out } = await call(["services", "--api", api], { columns: 200 });
    expect(out.split("\n").slice(3)).toEqual([
      "web: its breaker is open for n1/web-1 and 2 more: consecutive 5xx",
      "web: n1/o2 keeps 0.5 % of its weight: it answers more slowly than the others, or with more errors",
      "web: the breaker of n1/o3 is half-open for n1/web-1: consecutive 5xx",
      "",
    ]);
  });

  it("prints what the control plane said with --json", async () => {
    const body = { total_services: 1, services: { orders } };
    const api = await serve({ "/services": body });
    const { out } = await call(["services", "--json", "--api", api.replace("http://", "")]);
    expect(JSON.parse(out)).toEqual(body);
  });

  it("hides Consul's own service, unless it is asked for", async () => {
    const consul = { ...web, name: "consul" };
    const api = await serve({ "/services": { total: 2, services: { consul, web } } });
    const hidden = await call(["services", "--json", "--api", api]);
    expect(JSON.parse(hidden.out)).toEqual({ total: 1, services: { web } });
    expect((await call(["services", "--api", api])).out).not.toContain("consul");
    expect((await call(["services", "--consul", "--api", api])).out).toMatch(/^consul /m);
  });

  it("says when there is none", async () => {
    const api = await serve({ "/services": { services: {} } });
    expect((await call(["services", "--api", api])).out).toBe("No service is registered in Consul.\n");
  });
});

describe("asking a control plane", () => {
  it("takes the first of several that answers", async () => {
    const api = await serve({ "/services": { services: {} } });
    expect((await call(["services", "--api", `${await nobody()},${api}`])).code).toBe(0);
  });

  it("says where nobody answers and how to name another, and ends with 3", async () => {
    const api = await nobody();
    expect(await call(["services", "--api", api])).toEqual({
      code: 3,
      out: "",
      err:
        `legation services: no control plane answers at ${api} (connection refused). ` +
        'Start one with "legation control-plane", or name another with --api or LEGATION_API\n' +
        "Code api.unreachable: explained at /docs/errors of a control plane\n",
    });
  });

  it("repeats what the control plane says is wrong", async () => {
    const api = await serve({});
    const { code, err } = await call(["proxies", "--api", api]);
    expect(code).toBe(1);
    expect(err).toBe(
      `legation proxies: ${api}/api/proxies answered 404: GET /api/proxies does not exist here\nCode api.refused: explained at /docs/errors of a control plane\n`,
    );
  });

  it("asks whether it is a control plane when the answer is not JSON", async () => {
    const api = await serve({ "/services": "<html>" });
    expect((await call(["services", "--api", api])).err).toContain("answered 200 without JSON. Is this a control plane's HTTP API?");
  });

  it.each(["services", "proxies"])("shows the help of %s within 80 columns", async (name) => {
    const { code, out } = await call([name, "--help"]);
    expect(code).toBe(0);
    expect(out).toContain("--api URL");
    expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });
});

describe("legation audit", () => {
  const spiffeId = "spiffe://0f1e.consul/ns/default/dc/dc1/svc/orders";
  const at = "2026-01-02T03:04:05.678Z";

  it("shows who did what within 80 columns, services by their names", async () => {
    const action = "POST /v1/agents/leaving";
    const entries = [
      { at, caller: { kind: "service", spiffeId, address: "10.0.0.7" }, action, target: ["orders-1"], outcome: "done", count: 1 },
      { at, caller: { kind: "anonymous", address: "10.0.0.9" }, action: "GET /metrics", target: [], outcome: "refused", count: 12 },
    ];
    const api = await serve({ "/api/audit": { entries } });
    expect((await call(["audit", "--api", api])).out).toBe(`AT                    OUTCOME           WHO                 WHAT
2026-01-02T03:04:05Z  done              service orders      POST
                                                            /v1/agents/leaving
                                                            orders-1
2026-01-02T03:04:05Z  refused 12 times  anonymous 10.0.0.9  GET /metrics
`);
  });
});
