/** The policy `MeshDefaults`: how every service is called unless its own policy says otherwise. */
import { z } from "zod";
import { head, policyKind } from "../kind.js";
import { contradictions, trafficFields } from "../traffic/settings.js";

const schema = z
  .strictObject({ ...head("MeshDefaults"), ...trafficFields })
  .describe("How every service is called, unless its own policy says otherwise.")
  .readonly();

/** One `MeshDefaults` document. */
export type MeshDefaultsDocument = z.output<typeof schema>;

/** The kind `MeshDefaults`. There is one document of it. */
export const meshDefaultsKind = policyKind({
  schema,
  affects: () => "all",
  conflicts: (documents) =>
    documents.flatMap((document, i) => {
      const { name } = document;
      const first = documents[0]?.name;
      const other = { name, path: ["name"], message: `MeshDefaults/${first} holds for the whole mesh already. Put both into one` };
      return [...contradictions(document).map((found) => ({ name, ...found })), ...(i > 0 ? [other] : [])];
    }),
});
