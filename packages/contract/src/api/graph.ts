/** Who calls whom, as the API shows it. */
import { z } from "zod";
import { edgeKinds } from "../graph/mesh-graph.js";
import { count } from "./scalar.js";
import type { View } from "./view.js";

const names = z.array(z.string());

/** One dependency. */
export const graphEdge = z
  .object({
    from: z.string().describe("The caller."),
    to: z.string().describe("The service that is called."),
    kind: z
      .enum(edgeKinds)
      .describe(
        "`both`: declared, and called. `declared`: never called, as far as anybody watches. `undeclared`: called, and not declared.",
      ),
    declared: z.enum(["required", "optional"]).nullable(),
    calls: count
      .nullable()
      .describe(
        "Requests, or connections where TCP is spoken, since the callers' Envoys have started; null where nobody watches the caller.",
      ),
  })
  .meta({ id: "GraphEdge", description: "A dependency of one service on another." });

/** The answer of `GET /api/graph`. */
export const graphView = z
  .object({
    layers: z
      .array(names)
      .describe("Services by layer: those of the first require nobody, each later one requires somebody of the layer before it."),
    cycles: z
      .array(names)
      .describe("Each cycle of required dependencies once: the first requires the second, the last requires the first."),
    startupOrder: names.describe("Each service after those that it requires, but for cycles."),
    shutdownOrder: names,
    edges: z.array(graphEdge).describe("By caller, then by the service that is called."),
    silent: z.array(z.string()).describe("Control planes that did not answer: calls that were reported to them alone are not counted."),
  })
  .meta({ id: "GraphView", description: "Who calls whom among the services that the caller may read." });
/** See `graphView`. */
export type GraphView = View<typeof graphView>;
