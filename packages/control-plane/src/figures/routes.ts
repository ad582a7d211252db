/** `POST /v1/agents/figures`: what this replica knows of the figures of instances, for the other control planes. */
import type { FastifyInstance } from "fastify";
import { addReplicaRoute } from "../replicas/route.js";
import type { FigureBook } from "./book.js";
import { type FigureQuestion, figuresPath, relayedBytes } from "./relay.js";

/** Adds the path. */
export function addFigureRoute(app: FastifyInstance, book: Pick<FigureBook, "after">): void {
  addReplicaRoute<FigureQuestion>(app, {
    path: figuresPath,
    properties: { after: { type: "integer", minimum: 0 } },
    answer: ({ after }) => book.after(after, relayedBytes),
  });
}
