/** The one HTTP API of an agent with many services: a list of them, one metrics page, and each service's own API below its id. */
import { AsyncResource } from "node:async_hooks";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { LegationError } from "@legation/runtime";
import Fastify, { type FastifyInstance } from "fastify";
import { type Access, guard } from "../admin/access.js";
import { belowAddress } from "../admin/address.js";
import { startMetricsServer } from "../admin/metrics-server.js";
import type { AdminParts } from "../admin/routes.js";
import { type AdminServer, createAdminApp, listenAt } from "../admin/server.js";
import type { Containers } from "../containers/containers.js";
import type { MetricsSource } from "../metrics-page.js";
import { drawGraph } from "./drawing.js";
import type { Change } from "./fleet.js";
import { joinPages } from "./joined-page.js";
import type { FleetView } from "./view.js";

/** What the API shows and does. */
export interface FleetApiParts {
  readonly view: () => FleetView;
  /** Reads the directory again. Rejects with a LegationError that has every problem when that changes nothing. */
  readonly reload: () => Promise<Change>;
  readonly containers?: Pick<Containers, "problem" | "view">;
}

/** A listening API. */
export interface FleetApi {
  /** `host:port` or `unix:/path`. */
  readonly address: string;
  /** Where the API of a service stands, `host:port/path`. */
  placeOf(id: string): string;
  /** Puts a service's API there. */
  mount(id: string, parts: AdminParts, access: Access): Promise<AdminServer>;
  close(): Promise<void>;
}

interface Mounted {
  readonly api: FastifyInstance;
  /** What the service's API does is the service's doing. */
  readonly scope: AsyncResource;
  readonly service: () => string;
}

const ofService = /^\/services\/([^/?]+)(\/.*|)$/s;

/**
 * Listens on a loopback address or a Unix socket; with `metricsAt` (`host:port`) the metrics page is there too. Throws a LegationError that
 * names the flag when an address is taken.
 */
export async function startFleetApi(address: string, parts: FleetApiParts, access: Access, metricsAt?: string): Promise<FleetApi> {
  const mounts = new Map<string, Mounted>();
  const own = ownRoutes(parts, mounts, access);
  await own.ready();
  const server = createServer((request, response) => {
    const [, encoded = "", rest = ""] = ofService.exec(request.url ?? "") ?? [];
    const mounted = mounts.get(decoded(encoded));
    if (!mounted) return own.routing(request, response);
    request.url = rest || "/";
    return mounted.scope.runInAsyncScope(() => mounted.api.routing(request as IncomingMessage, response as ServerResponse));
  });
  const page = { contentType: metricsType, metrics: () => pageOf(mounts) };
  const metrics = metricsAt === undefined ? undefined : await startMetricsServer(metricsAt, page);
  try {
    await listenAt(server, address);
  } catch (error) {
    await metrics?.close();
    throw error;
  }
  return {
    address,
    placeOf: (id) => belowAddress(address, `/services/${encodeURIComponent(id)}`),
    async mount(id, adminParts, serviceAccess) {
      const api = createAdminApp(adminParts, serviceAccess);
      await api.ready();
      mounts.set(id, { api, scope: new AsyncResource("legation.api"), service: () => adminParts.status().service });
      return {
        async close() {
          if (mounts.get(id)?.api === api) mounts.delete(id);
          await api.close();
        },
      };
    },
    async close() {
      await metrics?.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await own.close();
    },
  };
}

const metricsType: MetricsSource["contentType"] = "text/plain; version=0.0.4; charset=utf-8";

async function pageOf(mounts: ReadonlyMap<string, Mounted>): Promise<string> {
  const pages = [...mounts].map(async ([id, { api, service }]) => {
    const { body } = await api.inject({ url: "/metrics", headers: { host: "127.0.0.1" } });
    return { labels: { service: service(), service_id: id }, text: body };
  });
  return joinPages(await Promise.all(pages));
}

function ownRoutes(parts: FleetApiParts, mounts: ReadonlyMap<string, Mounted>, access: Access): FastifyInstance {
  const server = Fastify({ logger: false });
  guard(server, access);
  server.setNotFoundHandler(async (request, reply) => {
    const id = ofService.exec(request.url)?.[1];
    const message = id === undefined ? `there is no ${request.method} ${request.url}` : `no service with the id ${decoded(id)} runs here`;
    return await reply.code(404).send({ success: false, message: `${message}: see GET /v1/services` });
  });
  server.get("/v1/services", async () => ({ success: true, services: parts.view().services }));
  server.get("/v1/containers", async () => ({
    success: true,
    engine: parts.containers ? (parts.containers.problem ?? "heard") : "none is watched: start the agent with --containers",
    containers: parts.containers?.view() ?? [],
  }));
  server.get("/v1/graph", async () => {
    const { graph, services } = parts.view();
    const layers = graph.layers.map((layer) => layer.map(({ id }) => id));
    return {
      success: true,
      layers,
      services: services.map(({ id, dependencies }) => ({ id, dependencies })),
      visualization: drawGraph(graph),
    };
  });
  server.get("/health", async (_request, reply) => {
    const silent = parts.view().services.filter(({ serving }) => !serving);
    const unavailable = silent.map(({ id, state, reason }) => ({ id, state, reason }));
    return await reply.code(silent.length === 0 ? 200 : 503).send({ status: silent.length === 0 ? "ok" : "unavailable", unavailable });
  });
  server.get("/metrics", async (_request, reply) => await reply.type(metricsType).send(await pageOf(mounts)));
  server.post("/v1/reload", async (_request, reply) => {
    try {
      return { success: true, ...(await parts.reload()) };
    } catch (error) {
      if (!(error instanceof LegationError)) throw error;
      return await reply.code(409).send({ success: false, message: error.message });
    }
  });
  return server;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
