/** `GET /api/orchestration/…`: how all services stand, the same at every replica (REQUIREMENTS R7). */
import {
  orchestratedDependencies,
  orchestratedHealth,
  orchestratedService,
  orchestratedServices,
  orchestrationMetrics,
} from "@legation/contract/api";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { addRoute } from "../api/route.js";
import { listing, readNamedService } from "../security/right.js";
import { dependenciesView, graphOf } from "./dependencies-view.js";
import type { AskHistory } from "./history.js";
import { metricsView } from "./metrics-view.js";
import type { ServiceFigures } from "./overview-view.js";
import { serviceDetailView } from "./service-view.js";
import { healthView, servicesView } from "./services-view.js";
import { sendUnknownService, shownTo } from "./shown.js";
import type { Status } from "./status.js";

/** The service in a path. */
export const serviceParams = z.strictObject({ name: z.string().min(1).max(256).describe("The service, by its name in Consul.") });

const base = "/api/orchestration";
const common = { method: "GET", tag: "orchestration" } as const;

/** Adds the routes. The lists hold what the caller may read. */
export function addOrchestrationRoutes(
  app: FastifyInstance,
  o: { readonly status: Status; readonly figures: ServiceFigures; readonly history: AskHistory },
): void {
  const { status } = o;
  const list = { ...common, right: listing };
  addRoute(
    app,
    { ...list, path: `${base}/services`, summary: "How each service stands", answers: { 200: orchestratedServices } },
    async (request) => servicesView(await shownTo(request, status)),
  );
  addRoute(
    app,
    { ...list, path: `${base}/health`, summary: "The health of each service, and of all together", answers: { 200: orchestratedHealth } },
    async (request) => healthView(await shownTo(request, status)),
  );
  addRoute(
    app,
    {
      ...list,
      path: `${base}/dependencies`,
      summary: "Who needs whom: layers, order of start and stop, cycles, and a drawing",
      answers: { 200: orchestratedDependencies },
    },
    async (request) => dependenciesView(await shownTo(request, status)),
  );
  addRoute(
    app,
    { ...list, path: `${base}/metrics`, summary: "The mesh in figures", answers: { 200: orchestrationMetrics } },
    async (request) => metricsView(await shownTo(request, status), (service) => o.figures.breaker(service).state),
  );
  addRoute(
    app,
    {
      ...common,
      right: readNamedService,
      path: `${base}/service/:name`,
      summary: "One service, with what its agents remember of its checks",
      params: serviceParams,
      answers: { 200: orchestratedService },
      problems: { 404: "There is no such service; `detail` names the nearest." },
    },
    async (request, reply) => {
      const { mesh, silent } = await status.current();
      const service = mesh.services.get(request.params.name);
      if (!service) return sendUnknownService(request, reply, request.params.name, mesh.services.keys());
      const [readable, history] = await Promise.all([request.access.readable(mesh.services.keys()), o.history(service.instances)]);
      return serviceDetailView(service, { graph: graphOf(mesh), readable, history, silent });
    },
  );
}
