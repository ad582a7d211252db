/** The whole HTTP API with its guard, for tests: a Consul that decides by a table, and everything that was done and told. */
import { spiffeId } from "@legation/contract";
import type { HealthView } from "@legation/contract/api";
import { defaultSettings, noTraffic } from "@legation/mesh";
import { createLogger, Registry } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import type { InjectOptions } from "fastify";
import { createSecureServer } from "../api/secure-server.js";
import { createApi } from "../api/server.js";
import { createCommander } from "../channel/commander.js";
import { createCommandDirectory } from "../channel/commands.js";
import { createIdentityOrders } from "../channel/identity-orders.js";
import { createReports } from "../channel/reports.js";
import { createFigureBook } from "../figures/book.js";
import { closedBreaker } from "../figures/breakers.js";
import { createTestPolicies } from "../policies/testing/policy-parts.js";
import type { AclMode } from "../security/acl-mode.js";
import type { AuditRecord } from "../security/audit.js";
import { createDecisions } from "../security/decisions.js";
import { createSecurityEvents } from "../security/events.js";
import { createStatusSetup } from "../status/setup.js";
import { createTestEvents } from "../testing/events.js";
import { createFakeAcl, type TokenTable } from "./access.js";
import { holdAnswers } from "./answers.js";
import { serviceOf } from "./catalog.js";
import { explaining } from "./explaining.js";
import { changeTo, ledgerOf } from "./ledger.js";

const healthy: HealthView = {
  ...{ status: "ok", version: "0.1.0", uptime: 1 },
  catalog: { origin: "consul", age: 1, lastAnswer: "2026-01-01T00:00:00.000Z", services: 3, instances: 3 },
  consul: { address: "http://127.0.0.1:8500", connected: true, complete: true, error: null },
  xds: { address: "127.0.0.1:18000", streams: 0, rejected: 0 },
  agents: { reporting: 0, listening: 0 },
  problems: [{ code: "service-name", service: "secret", message: "odd" }],
  problemCount: 1,
};

const tokens: TokenTable = {
  none: [],
  reader: ["service:read:orders", "service:read:web"],
  owner: ["service:read:orders", "service:write:orders"],
  operator: ["key:read:legation/mesh", "service:read:*"],
  plane: ["service:write:legation-control-plane"],
  // A team whose service has the name that somebody else has given to a policy.
  team: ["key:read:legation/policies/", "key:write:legation/policies/Identity/orders"],
  // A team that may set the policy of its own service, and nothing for the whole mesh.
  "service-team": ["key:read:legation/policies/", "key:write:legation/policies/Service/orders"],
  // All policies but those for payments.
  most: ["mesh", "orders", "", "web"].map((name) => `key:write:legation/policies/${name && "Identity/"}${name}`),
  admin: ["key:read:*", "key:write:*"],
};

/** An API with its guard over a Consul of `tokens`, and a registry of orders, secret and web. */
export async function createGuardedApi(o: { mode?: AclMode; service?: string; metricsOpen?: boolean; rateLimit?: number } = {}) {
  const clock = createTestClock();
  const log = createLogger({ name: "t", level: "fatal", destination: { write: () => undefined } });
  const registry = [serviceOf("orders", "o1"), serviceOf("secret", "s1"), serviceOf("web", "w1")];
  const services = { services: () => registry, service: (name: string) => registry.find((s) => s.name === name) };
  const told = createTestEvents(clock);
  for (const service of ["orders", "secret", "web"])
    told.tell({ type: "service.registered", service, text: `${service} is registered`, details: { instances: 1 } });
  told.tell({ type: "catalog.completed", text: "read", details: { services: 3 } });
  const acl = createFakeAcl(tokens);
  const audited: AuditRecord[] = [];
  const events = createSecurityEvents({ log, metrics: new Registry(), clock });
  const released: string[] = [];
  const policies = createTestPolicies();
  const reports = createReports(clock);
  const commands = createCommandDirectory();
  const commander = createCommander({ own: "r", commands, others: () => [], ask: async () => ({}), clock });
  const breakers = { of: () => ({ service: closedBreaker, instances: new Map() }) };
  const status = createStatusSetup({
    ...{ reports, commands, commander, breakers, clock, log },
    reconciler: {
      ...{ ...services, settings: () => defaultSettings, traffic: () => noTraffic },
      ...{ intentions: () => undefined, identity: () => undefined },
    },
    ...{ streams: () => [], quarantined: () => [] },
    consul: () => ({ connected: true, complete: true }),
    gather: async () => ({ answers: [], silent: [] }),
    lifecycle: { onStop: () => undefined },
  });
  const ledger = ledgerOf([changeTo("orders", "7"), changeTo("secret", "8")], clock);
  let mode: AclMode = o.mode ?? "on";
  const app = await createApi({
    server: createSecureServer({ events, clock }),
    peers: { certificate: () => undefined, events },
    health: {
      replica: "r",
      address: () => "127.0.0.1:8080",
      health: () => healthy,
      gather: async () => ({ answers: [], silent: [] }),
    },
    services: {
      ...services,
      problems: () => [],
      identity: () => undefined,
      report: status.reports.of,
      refresh: status.reports.refresh,
      breakers: breakers.of,
    },
    status,
    proxies: {
      proxies: {
        list: async () => ({ proxies: [], silent: [] }),
        one: async () => ({ proxy: null, streams: new Map(), silent: [] }),
        grpc: async () => ({ callers: [], silent: [] }),
      },
      drift: async () => null,
      own: async () => ({ streams: [] }),
      resourcesSent: () => 0,
    },
    agents: { list: async () => ({ agents: [], silent: [] }), listening: () => [] },
    graph: async () => ({ layers: [], cycles: [], startupOrder: [], shutdownOrder: [], edges: [], silent: [] }),
    events: { log: told.log, silent: () => [] },
    ledger,
    securityEvents: events,
    audit: { record: (record) => audited.push(record), list: () => [], stop: async () => undefined },
    access: {
      mode: {
        current: async () => mode,
        get known() {
          return mode;
        },
        disabled() {
          mode = "off";
        },
      },
      decisions: createDecisions({ acl, clock }),
      agentRefused: status.agentRefused,
      ownerOf: (instance) => registry.find(({ instances }) => instances.some(({ node, id }) => `${node}/${id}` === instance))?.name,
    },
    rateLimit: o.rateLimit ?? 200,
    metricsOpen: o.metricsOpen ?? false,
    registry: new Registry(),
    async *metrics() {
      yield "up 1\n";
    },
    reports,
    commands,
    commander,
    orders: createIdentityOrders(() => "off"),
    serves: ({ id }) => id === "o1",
    routing: async () => ({ accepted: true, subscribers: 0, laggards: [], replicas: 1, silent: [], replica: "r" }),
    successThreshold: () => 3,
    figures: createFigureBook(clock, () => undefined),
    release: (service) => released.push(service),
    policies,
    intentions: { ...services, intentions: () => undefined, identity: () => undefined },
    explain: explaining({ registry, clock }),
    clock,
    log,
  });
  holdAnswers(app);
  const { service } = o;
  if (service !== undefined)
    app.addHook("onRequest", async (request) => {
      const identity = { trustDomain: "td", namespace: "default", datacenter: "dc1", service };
      request.peer = { address: "127.0.0.1", loopback: true, tls: true, service: identity, spiffeId: spiffeId(identity) };
    });
  const ask = async (url: string, token?: string, more: InjectOptions = {}) => {
    const headers = token === undefined ? {} : { "x-consul-token": token };
    const reply = await app.inject({ url, ...more, headers: { ...headers, ...more.headers } });
    return { status: reply.statusCode, headers: reply.headers, body: reply.body.startsWith("{") ? reply.json() : reply.body };
  };
  const notice = (service: string, id: string, more = {}): InjectOptions => ({
    method: "POST",
    payload: { node: serviceOf(service, id).instances[0]?.node ?? "", id, service, ...more },
  });
  return { app, ask, notice, clock, acl, audited, events, told, released, policies, reports, commands, commander, registry, ledger };
}
