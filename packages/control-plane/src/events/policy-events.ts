/** What becomes other when a bundle of policies comes into force, as an event. */
import type { PolicyDocument, PolicySet } from "@legation/mesh/policy";
import type { Bundle } from "../policies/bundle.js";
import type { ToldEvent } from "./told-event.js";

/** Documents that an event names, at most. */
const named = 50;

/** The event that a bundle is in force in place of these policies. */
export function policyApplied(before: PolicySet, { id, manifest, policies }: Bundle): ToldEvent {
  const { version, author, reason } = manifest;
  const by = `version ${version} by ${author || "nobody named"}${reason ? `: ${reason}` : ""}`;
  const keys = new Set([...before.documents.keys(), ...policies.documents.keys()]);
  const changed = [...keys].filter((key) => !same(before.documents.get(key), policies.documents.get(key))).sort();
  return {
    ...{ type: "policy.applied", text: `policies changed to ${by}` },
    details: { bundle: id, version, author, reason, changed: changed.slice(0, named), count: changed.length },
  };
}

function same(one: PolicyDocument | undefined, other: PolicyDocument | undefined): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
