/** `POST /v1/agents/figures`: what this replica knows of the figures of instances, for the other control planes. */
import { controlPlaneService } from "@legation/contract";
import type { FastifyInstance } from "fastify";
import type { Right } from "../security/right.js";
import type { FigureBook } from "./book.js";
import { type FigureQuestion, figuresPath, relayedBytes } from "./relay.js";

const body = {
  type: "object",
  required: ["relayed", "after"],
  additionalProperties: false,
  properties: { relayed: { const: true }, after: { type: "integer", minimum: 0 } },
} as const;

const controlPlanes: Right = {
  kind: "agent",
  change: () => false,
  claim: () => ({ node: "", id: "", service: controlPlaneService, relayed: true }),
};

/** Adds the path. */
export function addFigureRoute(app: FastifyInstance, book: Pick<FigureBook, "after">): void {
  app.post<{ Body: FigureQuestion }>(figuresPath, { schema: { body }, config: { right: controlPlanes } }, (request) =>
    book.after(request.body.after, relayedBytes),
  );
}
