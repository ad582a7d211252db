/** The JSON Schema of policy documents, by which editors complete and check them. */
import { z } from "zod";
import { kinds } from "./kinds.js";

/** One schema for a document of any kind (JSON Schema 2020-12). */
export function policyJsonSchema(): object {
  const schemas = Object.values(kinds).map(({ schema }) => schema);
  const union = z.union(schemas).describe("A policy of Legation.");
  return { ...z.toJSONSchema(union, { io: "input", target: "draft-2020-12" }), title: "Legation policy" };
}
