/** All policies that are in force together. */
import { documentKey } from "./document.js";
import type { DocumentOf, KindName, PolicyDocument } from "./kinds.js";

/** The policies. Immutable. */
export interface PolicySet {
  /** By `Kind/name`, sorted by it. */
  readonly documents: ReadonlyMap<string, PolicyDocument>;
  /** The documents of one kind, sorted by name. */
  of<K extends KindName>(kind: K): readonly DocumentOf<K>[];
}

/** Makes the set. Of documents with one key the last counts. */
export function policySet(documents: Iterable<PolicyDocument>): PolicySet {
  const byKey = [...documents].map((document) => [documentKey(document), document] as const);
  const sorted = new Map(byKey.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  return {
    documents: sorted,
    of: <K extends KindName>(kind: K) => [...sorted.values()].filter((document): document is DocumentOf<K> => document.kind === kind),
  };
}

/** No policy at all. */
export const noPolicies: PolicySet = policySet([]);
