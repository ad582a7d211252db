/** `GET /api/instances`, `GET /api/instances/{node}/{id}`: instances, at whichever control plane their agents report. */
import { instanceDetail, instanceList } from "@legation/contract/api";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { sendProblem } from "../api/problem.js";
import { addRoute } from "../api/route.js";
import { enclosed, sendSliced } from "../api/sliced.js";
import { listing } from "../security/right.js";
import type { AskHistory } from "./history.js";
import { instanceDetailOf, instanceStatusViewOf } from "./instances-view.js";
import { shownTo } from "./shown.js";
import type { Status } from "./status.js";

const word = z.string().min(1).max(256);
const query = z.strictObject({ service: word.optional().describe("Only instances of this service.") });
const params = z.strictObject({ node: word.describe("The Consul node."), id: word.describe("The service ID.") });

/** Adds the routes. They hold instances of services that the caller may read. */
export function addInstanceRoutes(app: FastifyInstance, o: { readonly status: Status; readonly history: AskHistory }): void {
  const common = { method: "GET", tag: "services", right: listing } as const;
  addRoute(
    app,
    { ...common, path: "/api/instances", summary: "How each instance stands", query, answers: { 200: instanceList } },
    async (request, reply) => {
      const { service } = request.query;
      const { services, silent } = await shownTo(request, o.status);
      const shown = services.filter(({ name }) => service === undefined || name === service).flatMap(({ instances }) => instances);
      const head = JSON.stringify({ total: shown.length, silent }).slice(0, -1);
      return sendSliced(
        reply,
        enclosed(`${head},"instances":[`, shown, (status) => JSON.stringify(instanceStatusViewOf(status)), "]}"),
      );
    },
  );

  addRoute(
    app,
    {
      ...common,
      path: "/api/instances/:node/:id",
      summary: "One instance, with its checks and what its agent remembers of them",
      params,
      answers: { 200: instanceDetail },
      problems: { 404: "Neither Consul nor an agent knows such an instance." },
    },
    async (request, reply) => {
      const { node, id } = request.params;
      const { services, silent } = await shownTo(request, o.status);
      const found = services.flatMap(({ instances }) => instances).find((status) => status.node === node && status.id === id);
      if (found) return instanceDetailOf(found, { history: await o.history([found]), silent });
      return sendProblem(reply, 404, "instance.unknown", `there is no instance ${node}/${id}. See legation instances for those that are`);
    },
  );
}
