/** One policy document: what is wrong with it in words, and its name and content for programs. */
import { canonicalJson, contentHash } from "./canonical.js";
import { type Flaw, flawsOf, quoted } from "./flaw.js";
import { apiVersion } from "./kind.js";
import { isKindName, kinds, type PolicyDocument } from "./kinds.js";

/** `Kind/name`: what a document is called everywhere. */
export function documentKey({ kind, name }: { readonly kind: string; readonly name: string }): string {
  return `${kind}/${name}`;
}

/** A document as it is stored: canonical JSON. */
export function documentText(document: PolicyDocument): string {
  return canonicalJson(document);
}

/** The hash by which a document is stored: equal documents have equal ones, however they were written. */
export function documentHash(document: PolicyDocument): string {
  return contentHash(documentText(document));
}

/** Reads one plain value as a document. Returns it, or everything that is wrong. */
export function readDocument(value: unknown): { readonly document: PolicyDocument } | { readonly flaws: readonly Flaw[] } {
  const flaw = (path: string[], message: string) => ({ flaws: [{ path, message }] });
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return flaw([], `${quoted(value)} is no document. Write apiVersion: ${apiVersion}, kind, name and the kind's own fields`);
  const { apiVersion: version, kind } = value as Record<string, unknown>;
  if (version !== apiVersion)
    return flaw(["apiVersion"], `${version === undefined ? "is missing" : `${quoted(version)} is not known`}. Write ${apiVersion}`);
  const known = Object.keys(kinds).join(", ");
  if (typeof kind !== "string") return flaw(["kind"], `${kind === undefined ? "is missing" : `${quoted(kind)} is no kind`}. Use ${known}`);
  if (!isKindName(kind)) return flaw(["kind"], `${quoted(kind)} is no kind of policy. Use ${known}`);
  const read = kinds[kind].schema.safeParse(value, { reportInput: true });
  return read.success ? { document: read.data } : { flaws: flawsOf(read.error) };
}
