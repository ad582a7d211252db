/** `/api/gateway/routes`: answered by a problem as long as there are no gateways. */
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { readPolicies, replacePolicies } from "../security/right.js";
import { sendProblem } from "./problem.js";
import { addRoute } from "./route.js";

/** Adds the routes. */
export function addGatewayRoutes(app: FastifyInstance): void {
  const stated = {
    path: "/api/gateway/routes",
    tag: "gateway",
    answers: {},
    problems: { 501: "There are no gateways yet. Routes between services are policies of the kind `Route`." },
  } as const;
  const detail =
    "there are no gateways yet. Routes between services are policies of the kind Route: PUT /api/policies/documents/Route/NAME";
  addRoute(app, { ...stated, method: "GET", summary: "The routes of the gateway", right: readPolicies }, (_request, reply) =>
    sendProblem(reply, 501, "gateway.missing", detail),
  );
  addRoute(
    app,
    { ...stated, method: "POST", summary: "Add a route to the gateway", right: replacePolicies, body: z.looseObject({}) },
    (_request, reply) => sendProblem(reply, 501, "gateway.missing", detail),
  );
}
