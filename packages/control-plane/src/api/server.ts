/** The HTTP server: every route of the control plane in one place. */
import { Readable } from "node:stream";
import { type Clock, type Logger, listenError, type Registry } from "@legation/runtime";
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from "fastify";
import { createBorneOut } from "../channel/borne-out.js";
import { addCommandRoutes } from "../channel/command-routes.js";
import type { Commander } from "../channel/commander.js";
import type { CommandDirectory } from "../channel/commands.js";
import type { FanOut } from "../channel/fan-out.js";
import type { IdentityOrders } from "../channel/identity-orders.js";
import type { Reports } from "../channel/reports.js";
import { addChannelRoutes } from "../channel/routes.js";
import { addCallersRoute, addExplainRoutes, type ExplainParts } from "../explain/routes.js";
import type { FigureBook } from "../figures/book.js";
import { addFigureRoute } from "../figures/routes.js";
import type { LedgerSetup } from "../ledger/setup.js";
import type { Reconciler } from "../reconcile/reconciler.js";
import type { Audit } from "../security/audit.js";
import type { SecurityEvents } from "../security/events.js";
import { type GuardParts, guard } from "../security/guard.js";
import { addRateLimits, rateLimitsOf } from "../security/limits.js";
import { demandRights, open, readMesh } from "../security/right.js";
import type { StatusSetup } from "../status/setup.js";
import { type AgentSource, addAgentRoute, addReplicaAgentRoute } from "./agents.js";
import { addAuditRoute, createMeshAudit } from "./audit.js";
import { useCompression } from "./compression.js";
import { addDocs } from "./docs.js";
import { useEntityTags } from "./entity-tag.js";
import { addEventRelayRoute, addEventRoutes, type EventSource } from "./events.js";
import { addGatewayRoutes } from "./gateway-routes.js";
import { addGraphRoute, type ReadGraph } from "./graph.js";
import { addHealthRoutes, addReplicaHealthRoute, type HealthSource } from "./health.js";
import { addIntentionRoutes, type IntentionReader } from "./intentions.js";
import { addLedgerRoutes, addReplicaLedgerRoute } from "./ledger.js";
import { addOpenApi } from "./open-api.js";
import { knowPeers, type PeerParts } from "./peer.js";
import { addPolicyRoutes, type PolicyParts } from "./policies.js";
import { addPolicyCanaryRoutes } from "./policy-canary.js";
import { addPolicyChangeRoutes } from "./policy-changes.js";
import { addPolicyCheckRoute } from "./policy-check.js";
import { addPolicyDocumentRoutes } from "./policy-documents.js";
import { addPolicyPlanRoute } from "./policy-plan.js";
import { earlyProblems, useProblems } from "./problem.js";
import { addProxyRoutes, addReplicaProxyRoute, type ProxySource } from "./proxies.js";
import { addRequestMetrics } from "./request-metrics.js";
import { addRoute } from "./route.js";
import type { SecureServer } from "./secure-server.js";
import { addSecurityEventRoute, createMeshSecurityEvents } from "./security-events.js";
import { addServiceRoutes, type ServiceSource } from "./services.js";

/** A body may be this large; bytes. */
const bodyLimit = 64 * 1_024;

/** A name in a path may be this long; characters. */
const longestName = 300;

/** What the routes read and do. */
export interface ApiParts {
  readonly server: Pick<SecureServer, "factory">;
  readonly peers: PeerParts;
  readonly health: HealthSource;
  readonly services: ServiceSource;
  readonly status: Pick<StatusSetup, "addRoutes" | "addReplicaRoutes">;
  readonly proxies: ProxySource;
  readonly agents: AgentSource;
  readonly graph: ReadGraph;
  readonly events: EventSource;
  readonly ledger: ReturnType<LedgerSetup["asker"]>;
  readonly securityEvents: SecurityEvents;
  readonly audit: Audit;
  /** Who may do what. */
  readonly access: Pick<GuardParts, "mode" | "decisions" | "ownerOf" | "agentRefused">;
  /** Requests of one client in a second, on average. */
  readonly rateLimit: number;
  /** The figures are for everybody; else for who may read the mesh. */
  readonly metricsOpen: boolean;
  /** Holds what is counted of the requests. */
  readonly registry: Registry;
  /** Prometheus' text format, in pieces. */
  readonly metrics: () => AsyncIterable<string>;
  readonly reports: Reports;
  readonly commands: CommandDirectory;
  readonly commander: Commander;
  readonly orders: IdentityOrders;
  /** What agents say of leaving and arriving. */
  readonly routing: FanOut["answer"];
  /** Whether an instance takes requests. */
  readonly serves: Reconciler["serves"];
  /** How many successes close a breaker of a service that is half-open. */
  readonly successThreshold: (service: string) => number;
  /** What agents' Envoys measure. */
  readonly figures: Pick<FigureBook, "after">;
  /** Gives up instances of a service that are held although they vanished. */
  readonly release: (service: string) => void;
  readonly policies: PolicyParts;
  readonly intentions: IntentionReader;
  readonly explain: ExplainParts;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Assembles the server; it does not listen yet, so that tests can `inject`. Rejects when a route states no right. */
export async function createApi(parts: ApiParts): Promise<FastifyInstance> {
  // The server's own lines below a warning have no event, and say nothing that the control plane does not.
  const level = parts.log.isLevelEnabled("warn") ? "warn" : parts.log.level;
  const loggerInstance: FastifyBaseLogger = parts.log.child({}, { level });
  const app: FastifyInstance = fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit,
    serverFactory: parts.server.factory,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: longestName },
    ...earlyProblems,
  });
  useProblems(app);
  knowPeers(app, parts.peers);
  const { audit, securityEvents, clock } = parts;
  useEntityTags(app);
  await useCompression(app);
  demandRights(app);
  guard(app, {
    ...parts.access,
    audit,
    events: securityEvents,
    clock,
    rates: await addRateLimits(app, { limits: rateLimitsOf(parts.rateLimit), clock }),
  });
  addOpenApi(app);
  addDocs(app);
  addRequestMetrics(app, parts.registry);
  addHealthRoutes(app, parts.health);
  addServiceRoutes(app, parts.services, parts.release);
  parts.status.addRoutes(app);
  addProxyRoutes(app, parts.proxies);
  addAgentRoute(app, parts.agents);
  addGraphRoute(app, parts.graph);
  addEventRoutes(app, parts.events, clock);
  addLedgerRoutes(app, parts.ledger.ask);
  const meshAudit = createMeshAudit(parts.health, audit);
  const meshSecurityEvents = createMeshSecurityEvents(parts.health, securityEvents);
  addSecurityEventRoute(app, meshSecurityEvents);
  addAuditRoute(app, meshAudit);
  void app.register(async (channel) => {
    channel.addHook("preHandler", createBorneOut({ ...parts.peers, serviceOf: parts.access.ownerOf }));
    addChannelRoutes(channel, parts);
    addCommandRoutes(channel, parts.commander);
    addReplicaHealthRoute(channel, parts.health);
    meshAudit.addRoute(channel);
    parts.policies.quarantine.addRoute(channel);
    meshSecurityEvents.addRoute(channel);
    addReplicaLedgerRoute(channel, parts.ledger.ledger);
    addFigureRoute(channel, parts.figures);
    parts.status.addReplicaRoutes(channel);
    addReplicaProxyRoute(channel, parts.proxies);
    addReplicaAgentRoute(channel, parts.agents);
    addEventRelayRoute(channel, parts.events, clock);
    addCallersRoute(channel, parts.explain);
  });
  addIntentionRoutes(app, parts.intentions);
  addExplainRoutes(app, parts.explain);
  addPolicyRoutes(app, parts.policies);
  addPolicyDocumentRoutes(app, parts.policies);
  addGatewayRoutes(app);
  addPolicyChangeRoutes(app, parts.policies, parts.services);
  addPolicyCanaryRoutes(app, parts.policies);
  addPolicyCheckRoute(app, parts.policies, parts.services);
  addPolicyPlanRoute(app, parts.policies, parts.policies.planner);
  addRoute(
    app,
    {
      method: "GET",
      path: "/metrics",
      tag: "server",
      summary: "Figures for Prometheus",
      right: parts.metricsOpen ? open : readMesh,
      answers: { 200: { mediaType: "text/plain", description: "Prometheus' text format 0.0.4." } },
    },
    (_request, reply) => reply.type("text/plain; version=0.0.4; charset=utf-8").send(Readable.from(parts.metrics())),
  );
  return app;
}

/** Listens; returns the port. Throws a LegationError that names the address and the flag. */
export async function listenApi(app: FastifyInstance, host: string, port: number): Promise<number> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    throw listenError(error, { address: `${host}:${port}`, what: "the HTTP API", flag: "--http-addr" });
  }
  const address = app.server.address();
  return typeof address === "object" && address ? address.port : port;
}
