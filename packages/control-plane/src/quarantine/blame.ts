/** Which fields of which policies differ between two sets: what can have made a resource other than it was. */
import { affectedBy, documentKey, type PolicyDocument, type PolicySet, pathText, policySet } from "@legation/mesh/policy";

/** A policy that differs, and where: paths inside the document. */
export interface PolicyBlame {
  /** `Kind/name`. */
  readonly document: string;
  /** The fields that differ; of a document that is new or gone all that it says. */
  readonly paths: readonly string[];
  /** As it was; null for one that was not there. */
  readonly before: PolicyDocument | null;
}

const headFields = new Set(["apiVersion", "kind", "name"]);

/**
 * The policies that differ between `before` and `after` and that say something of the service. `documents`, where it is known, are those that
 * a resource was made from: of the changed ones no others are to blame.
 */
export function blamed(before: PolicySet, after: PolicySet, service: string, documents?: readonly string[]): readonly PolicyBlame[] {
  const keys = [...new Set([...before.documents.keys(), ...after.documents.keys()])].sort();
  return keys.flatMap((key) => {
    const [old, now] = [before.documents.get(key), after.documents.get(key)];
    if (old === now || ![old, now].some((document) => document && concerns(document, service))) return [];
    if (documents && now && !documents.includes(documentKey(now))) return [];
    const paths = differences(fieldsOf(old), fieldsOf(now), []).map(pathText);
    return paths.length > 0 ? [{ document: key, paths, before: old ?? null }] : [];
  });
}

/** The policies with what is to blame as it was before. */
export function withoutBlamed(policies: PolicySet, blame: readonly PolicyBlame[]): PolicySet {
  const documents = new Map(policies.documents);
  for (const { document, before } of blame) {
    if (before) documents.set(document, before);
    else documents.delete(document);
  }
  return policySet(documents.values());
}

/** `Service/orders: balancing.slowStart, retries.attempts`. */
export function blameText({ document, paths }: Pick<PolicyBlame, "document" | "paths">): string {
  return `${document}: ${paths.join(", ")}`;
}

function concerns(document: PolicyDocument, service: string): boolean {
  const affected = affectedBy(document);
  return affected === "all" || affected.includes(service);
}

function fieldsOf(document: PolicyDocument | undefined): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(document ?? {}).filter(([field]) => !headFields.has(field)));
}

/** The deepest paths at which two values differ; a list counts as one value where the lengths differ. */
function differences(a: unknown, b: unknown, path: readonly PropertyKey[]): readonly (readonly PropertyKey[])[] {
  if (Array.isArray(a) && Array.isArray(b) && a.length === b.length) return a.flatMap((item, i) => differences(item, b[i], [...path, i]));
  // A field that is new or gone differs in all that it says.
  const [old, now] = [a ?? (isRecord(b) ? {} : a), b ?? (isRecord(a) ? {} : b)];
  if (isRecord(old) && isRecord(now)) {
    const fields = [...new Set([...Object.keys(old), ...Object.keys(now)])].sort();
    return fields.flatMap((field) => differences(old[field], now[field], [...path, field]));
  }
  if (JSON.stringify(a) === JSON.stringify(b)) return [];
  return [path];
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
