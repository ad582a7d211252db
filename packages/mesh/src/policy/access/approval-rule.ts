/** Which documents need whose signatures, and whether a change has them. */
import { canonicalJson } from "../canonical.js";
import { documentHash, documentKey } from "../document.js";
import { affectedBy, type PolicyDocument } from "../kinds.js";

/** A rule by which documents go live only when enough of some keys have signed. */
export interface ApprovalRule {
  /** Who made it, for messages: a document's key, or the place in a file. */
  readonly source: string;
  /** The document that the rule itself stands in: changing it needs its own approval. */
  readonly own?: string;
  /** The kinds that it guards; all unless given. */
  readonly kinds?: readonly string[];
  /** The services whose documents it guards; all unless given. */
  readonly services?: readonly string[];
  /** Names of keys. */
  readonly keys: readonly string[];
  /** How many of the keys, each counted once. */
  readonly required: number;
}

/** Documents by their keys (`Kind/name`). */
export type Documents = ReadonlyMap<string, PolicyDocument>;

/** The rules that documents make. */
export function rulesOf(documents: Documents): readonly ApprovalRule[] {
  return [...documents].flatMap(([key, document]) => {
    if (document.kind !== "Access" || !document.approvals) return [];
    const { kinds, services, approvals } = document;
    return [{ source: key, own: key, ...(kinds ? { kinds } : {}), ...(services ? { services } : {}), ...approvals }];
  });
}

/** True when a change of the document needs the rule's signatures. A document for the whole mesh counts for each service. */
export function guards(rule: ApprovalRule, document: PolicyDocument): boolean {
  if (rule.own === documentKey(document)) return true;
  if (rule.kinds && !rule.kinds.includes(document.kind)) return false;
  if (!rule.services) return true;
  const affected = affectedBy(document);
  return affected === "all" || affected.some((service) => rule.services?.includes(service));
}

/** The hashes of those documents that a rule guards, by key. */
export function guardedHashes(documents: Documents, rules: readonly ApprovalRule[]): Readonly<Record<string, string>> {
  const guarded = [...documents].filter(([, document]) => rules.some((rule) => guards(rule, document)));
  return Object.fromEntries(guarded.map(([key, document]) => [key, documentHash(document)]));
}

/** What a change lacks by one rule. */
export interface Lack {
  readonly rule: ApprovalRule;
  /** The changed documents that the rule guards. */
  readonly documents: readonly string[];
  /** Those of the rule's keys that have signed. */
  readonly signed: readonly string[];
}

/**
 * What a change of guarded documents lacks to be approved by `signers`. The rules of the documents before and after hold, and `floor`
 * besides: so a rule is weakened or taken away only with the signatures that it asks for itself. Empty when it is approved.
 */
export function lacking(o: {
  readonly before: Documents;
  readonly after: Documents;
  readonly floor: readonly ApprovalRule[];
  readonly signers: ReadonlySet<string>;
}): readonly Lack[] {
  const changed = changedKeys(o.before, o.after);
  const rules = [...o.floor, ...rulesOf(o.before), ...rulesOf(o.after)];
  const each = new Map(rules.map((rule) => [canonicalJson(rule), rule])).values();
  return [...each].flatMap((rule) => {
    const documents = changed.filter((key) =>
      [o.before.get(key), o.after.get(key)].some((document) => document !== undefined && guards(rule, document)),
    );
    const signed = [...new Set(rule.keys)].filter((key) => o.signers.has(key));
    return documents.length > 0 && signed.length < rule.required ? [{ rule, documents, signed }] : [];
  });
}

/** The keys of documents that are not the same, sorted. */
export function changedKeys(before: Documents, after: Documents): readonly string[] {
  const hash = (document: PolicyDocument | undefined) => document && documentHash(document);
  return [...new Set([...before.keys(), ...after.keys()])].filter((key) => hash(before.get(key)) !== hash(after.get(key))).sort();
}

/** What is missing, in a sentence for the person who is to get the signatures. */
export function lackText({ rule, documents, signed }: Lack): string {
  const have = signed.length > 0 ? `, and has that of ${signed.join(", ")}` : "";
  return `${documents.join(", ")} needs ${rule.required} of the signatures of ${rule.keys.join(", ")} by ${rule.source}${have}`;
}
