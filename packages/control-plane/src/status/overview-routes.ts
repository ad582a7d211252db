/** `GET /services/health`, `GET /services/stats`: all services at a glance (REQUIREMENTS R7). */
import { servicesHealth, servicesStats } from "@legation/contract/api";
import type { FastifyInstance } from "fastify";
import { addRoute } from "../api/route.js";
import { listing } from "../security/right.js";
import { type ServiceFigures, servicesHealthView, servicesStatsView } from "./overview-view.js";
import { shownTo } from "./shown.js";
import type { Status } from "./status.js";

/** Adds the routes. They hold what the caller may read. A service that is named `health` or `stats` is found at `/api/orchestration/service/{name}`. */
export function addOverviewRoutes(app: FastifyInstance, o: { readonly status: Status; readonly figures: ServiceFigures }): void {
  const common = { method: "GET", tag: "services", right: listing } as const;
  addRoute(
    app,
    { ...common, path: "/services/health", summary: "The health of each service and of its instances", answers: { 200: servicesHealth } },
    async (request) => servicesHealthView(await shownTo(request, o.status)),
  );
  addRoute(
    app,
    {
      ...common,
      path: "/services/stats",
      summary: "The services in figures, with their circuit breakers",
      answers: { 200: servicesStats },
    },
    async (request) => servicesStatsView(await shownTo(request, o.status), o.figures),
  );
}
