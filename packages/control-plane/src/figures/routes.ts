/** `POST /v1/agents/figures`: what this replica knows of the figures of instances, for the other control planes. */
import { count } from "@legation/contract/api";
import type { FastifyInstance } from "fastify";
import { addReplicaRoute } from "../replicas/route.js";
import type { FigureBook } from "./book.js";
import { figuresPath, relayedBytes } from "./relay.js";

/** Adds the path. */
export function addFigureRoute(app: FastifyInstance, book: Pick<FigureBook, "after">): void {
  addReplicaRoute(app, {
    path: figuresPath,
    summary: "The figures of instances that have changed",
    properties: { after: count.describe("The place in the order of change that the asking one has come to.") },
    answer: ({ after }) => book.after(after, relayedBytes),
  });
}
