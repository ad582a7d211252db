/** What a kind of policy is, and what all kinds have in common. */
import { z } from "zod";
import type { FieldShape } from "./fields.js";

/** The version of the documents that this Legation reads. */
export const apiVersion = "legation/v1";

/** The fields at the head of every document. */
export function head<const K extends string>(kind: K) {
  return {
    apiVersion: z.literal(apiVersion).describe("The version of the format."),
    kind: z.literal(kind).describe("What the document is about."),
    name: policyName.describe("Names the document among those of its kind. Of your choice."),
  };
}

const policyName = z.string().regex(/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?$/, {
  error: "use 1 to 128 letters, digits, dots, hyphens and underscores, with a letter or digit at both ends",
});

/** The name of a service, as it stands in Consul. */
export const serviceName = z.string().regex(/^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/, {
  error: "use a service's name: 1 to 63 letters, digits and hyphens, with a letter or digit at both ends",
});

/** Which services a document changes: these, or all of them. */
export type Affected = readonly string[] | "all";

/** A contradiction between documents: the one that has to be mended, the path inside it, and the fix. */
export interface Conflict {
  readonly name: string;
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** The fields of a kind, by their paths, as `fieldsOf` finds them; none for a word that is no kind. */
export type FieldsOfKinds = (kind: string) => ReadonlyMap<string, FieldShape>;

/** One kind of policy: one folder. */
export interface PolicyKind<Schema extends z.ZodType<{ readonly kind: string; readonly name: string }>> {
  /** What an operator may write. Documents hold what was written: no defaults are put in, and nothing is converted. */
  readonly schema: Schema;
  affects(document: z.output<Schema>): Affected;
  /** What documents that are each right contradict each other in. `kinds` are the words of all kinds, `fields` what each of them has. */
  conflicts(documents: readonly z.output<Schema>[], kinds: readonly string[], fields: FieldsOfKinds): readonly Conflict[];
}

/** Makes a kind; the types follow from its schema. */
export function policyKind<Schema extends z.ZodType<{ readonly kind: string; readonly name: string }>>(
  kind: PolicyKind<Schema>,
): PolicyKind<Schema> {
  return kind;
}
