/** The policy `Service`: how one service is called. */
import { z } from "zod";
import { head, policyKind, serviceName } from "../kind.js";
import { contradictions, trafficFields } from "../traffic/settings.js";
import { subsetsField } from "../traffic/subsets/subsets.js";

const schema = z
  .strictObject({
    ...head("Service"),
    name: serviceName.describe("The service's name in Consul."),
    ...trafficFields,
    subsets: subsetsField.optional(),
  })
  .describe("How one service is called. What it leaves out is said by MeshDefaults.")
  .readonly();

/** One `Service` document. */
export type ServiceDocument = z.output<typeof schema>;

/** The kind `Service`. */
export const serviceKind = policyKind({
  schema,
  affects: ({ name }) => [name],
  conflicts: (documents) => documents.flatMap((one) => contradictions(one).map((found) => ({ name: one.name, ...found }))),
});
