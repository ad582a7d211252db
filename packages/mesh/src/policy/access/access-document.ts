/** The policy `Access`: which documents go live only when several operators have signed them. */
import { z } from "zod";
import { head, policyKind, serviceName } from "../kind.js";

const keyName = z
  .string()
  .regex(/^[A-Za-z0-9](?:[A-Za-z0-9._@-]{0,62}[A-Za-z0-9])?$/, { error: "use the name of an operator's key: letters, digits and . _ @ -" });

const approvals = z
  .strictObject({
    keys: z.array(keyName).min(1).max(100).describe("The operators' keys that count, by their names in --approval-keys."),
    required: z.int().min(1).max(100).describe("How many of them must have signed."),
  })
  .refine(({ keys }) => new Set(keys).size === keys.length, { path: ["keys"], error: "names a key twice. Each key counts once" })
  .refine(({ keys, required }) => required <= keys.length, {
    path: ["required"],
    error: "is more than there are keys, so that nothing could ever be approved. Name more keys, or require fewer",
  })
  .readonly();

const schema = z
  .strictObject({
    ...head("Access"),
    kinds: z
      .array(z.string().min(1).max(64))
      .min(1)
      .max(100)
      .optional()
      .describe("The kinds of document that it guards. All unless given."),
    services: z
      .array(serviceName)
      .min(1)
      .max(1_000)
      .optional()
      .describe("The services whose documents it guards; a document for the whole mesh is each service's. All unless given."),
    approvals: approvals.describe("Whose signatures a change needs before it goes live."),
  })
  .describe("Which documents go live only when several operators have signed them. Changes of the document itself need the same.")
  .readonly();

/** One `Access` document. */
export type AccessDocument = z.output<typeof schema>;

/** The kind `Access`. Several documents may guard the same: then each must be satisfied. */
export const accessKind = policyKind({
  schema,
  affects: () => [],
  conflicts: (documents, kinds) =>
    documents.flatMap(({ name, kinds: guarded = [] }) =>
      guarded.flatMap((kind, i) =>
        kinds.includes(kind) ? [] : [{ name, path: ["kinds", i], message: `"${kind}" is no kind of policy. Use ${kinds.join(", ")}` }],
      ),
    ),
});
