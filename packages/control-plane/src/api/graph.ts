/** `GET /api/graph`: who calls whom, as JSON, for Graphviz, or drawn. */
import { type GraphView, graphView } from "@legation/contract/api";
import { dotOf, drawMesh } from "@legation/contract/graph";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { readableGraph } from "../dependencies/graph.js";
import { listing } from "../security/right.js";
import { addRoute } from "./route.js";

/** What the route reads: the graph of all services. */
export type ReadGraph = () => Promise<GraphView>;

const query = z.strictObject({
  format: z.enum(["json", "dot", "text"]).default("json").describe("`dot` is Graphviz' language, `text` a drawing of 80 columns."),
});

/** Adds the route: the services that the caller may read, with whom they call. */
export function addGraphRoute(app: FastifyInstance, graph: ReadGraph): void {
  addRoute(
    app,
    {
      method: "GET",
      path: "/api/graph",
      tag: "services",
      summary: "Who calls whom: declared, observed, or both",
      description:
        "Layers, orders and cycles come from the required dependencies that services declare. With `format=dot` or `format=text` the answer is text.",
      right: listing,
      query,
      answers: { 200: { schema: graphView, asText: ["text/vnd.graphviz", "text/plain"] } },
    },
    async (request, reply) => {
      const { silent, ...all } = await graph();
      const readable = readableGraph(all, await request.access.readable(all.layers.flat()));
      const { format } = request.query;
      if (format === "json") return { ...readable, silent };
      const text = format === "dot" ? dotOf(readable) : drawMesh(readable);
      return reply.type(format === "dot" ? "text/vnd.graphviz; charset=utf-8" : "text/plain; charset=utf-8").send(text);
    },
  );
}
