/** The policy `Access`: who may change which documents within which bounds, and which of them several operators have to sign. */
import { z } from "zod";
import type { FieldShape } from "../fields.js";
import { type Conflict, type FieldsOfKinds, head, policyKind, serviceName } from "../kind.js";
import { boundSchema } from "./bound.js";

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

const names = (of: string) => z.array(z.string().min(1).max(128)).min(1).max(1_000).optional().describe(of);

const allow = z
  .strictObject({
    to: z
      .strictObject({
        policies: names("Names of Consul ACL policies that stand on the author's token itself."),
        roles: names("Names of Consul ACL roles that stand on the author's token itself."),
        tokens: names("Accessor IDs of tokens."),
      })
      .refine(({ policies, roles, tokens }) => (policies ?? roles ?? tokens) !== undefined, {
        error: "names nobody. Write policies, roles or tokens",
      })
      .optional()
      .describe("Who may: whoever is named by one of the lists. Everyone with the right to the documents, unless given."),
    fields: z
      .array(z.string().min(1).max(256))
      .min(1)
      .max(100)
      .optional()
      .describe("The fields that may be changed, such as timeouts, with all inside them. All unless given."),
    bounds: z
      .record(z.string().min(1).max(256), boundSchema)
      .optional()
      .describe("What a change may set, by the field's path: timeouts.request; for lists without the place in them, and * for any name."),
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
      .describe(
        "The services whose documents it guards. All unless given. For approvals, a document for the whole mesh is each service's; for allow, it is none's.",
      ),
    allow: allow
      .optional()
      .describe(
        "Who may change them, and within which bounds, beside the right that the token needs. The narrowest says who, all bounds hold.",
      ),
    approvals: approvals.optional().describe("Whose signatures a change needs before it goes live."),
  })
  .refine((document) => (document.allow ?? document.approvals) !== undefined, {
    path: ["allow"],
    error: "is missing, and approvals too, so that the document says nothing. Write one of the two",
  })
  .describe("Who may change which documents, and which go live only when several operators have signed them.")
  .readonly();

/** One `Access` document. */
export type AccessDocument = z.output<typeof schema>;

/** The kind `Access`. Several documents may guard the same: then each must be satisfied. */
export const accessKind = policyKind({
  schema,
  affects: () => [],
  conflicts: (documents, kinds, fields) =>
    documents.flatMap((document) => [...unknownKinds(document, kinds), ...unknownFields(document, kinds, fields)]),
});

function unknownKinds({ name, kinds: guarded = [] }: AccessDocument, kinds: readonly string[]): readonly Conflict[] {
  return guarded.flatMap((kind, i) =>
    kinds.includes(kind) ? [] : [{ name, path: ["kinds", i], message: `"${kind}" is no kind of policy. Use ${kinds.join(", ")}` }],
  );
}

/** A bound on a field that no guarded kind has would never hold, and nobody would notice. */
function unknownFields(document: AccessDocument, all: readonly string[], fields: FieldsOfKinds): readonly Conflict[] {
  const { name, allow: rule, kinds = all } = document;
  const shapes = (path: string): readonly FieldShape[] => kinds.flatMap((kind) => fields(kind).get(path) ?? []);
  const conflict = (path: readonly PropertyKey[], message: string): Conflict => ({ name, path: ["allow", ...path], message });
  const known = (path: readonly PropertyKey[], field: string): readonly Conflict[] =>
    shapes(field).length > 0 ? [] : [conflict(path, `no guarded kind has the field ${field}. Correct its path`)];
  return [
    ...(rule?.fields ?? []).flatMap((field, i) => known(["fields", i], field)),
    ...Object.entries(rule?.bounds ?? {}).flatMap(([field, bound]) => {
      const unknown = known(["bounds", field], field);
      if (unknown.length > 0 || bound.forbid || !shapes(field).every((shape) => shape === "map")) return unknown;
      return [conflict(["bounds", field], "is a map, which has no size. Name a field inside it, or forbid it")];
    }),
  ];
}
