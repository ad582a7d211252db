/** Random policies for tests: each right by itself and beside the others. */
import { identityModes } from "@legation/contract";
import fc from "fast-check";
import { authorizationModes } from "../identity/identity.js";
import { conflictsOf, type PolicyDocument } from "../kinds.js";
import { anyRoute } from "./arbitrary-route.js";

const letters = "abcdefghijklmnopqrstuvwxyz";
/** A short name, so that some are equal. */
export const anyName = fc.string({ unit: fc.constantFrom(...letters), minLength: 1, maxLength: 3 });
const apiVersion = "legation/v1" as const;

const anyIdentity = fc
  .record(
    {
      name: anyName,
      service: anyName,
      mode: fc.constantFrom(...identityModes),
      authorization: fc.constantFrom(...authorizationModes),
    },
    { requiredKeys: ["name", "service", "mode"] },
  )
  .map((rest): PolicyDocument => ({ apiVersion, kind: "Identity", ...rest }));

const anyAccess = fc
  .record(
    {
      name: anyName,
      kinds: fc.uniqueArray(fc.constantFrom("Identity", "Access"), { minLength: 1 }),
      services: fc.uniqueArray(anyName, { minLength: 1, maxLength: 3 }),
      approvals: fc
        .uniqueArray(anyName, { minLength: 1, maxLength: 4 })
        .chain((keys) => fc.integer({ min: 1, max: keys.length }).map((required) => ({ keys, required }))),
    },
    { requiredKeys: ["name", "approvals"] },
  )
  .map((rest): PolicyDocument => ({ apiVersion, kind: "Access", ...rest }));

/** Documents that can be in force together. */
export const anyPolicies: fc.Arbitrary<PolicyDocument[]> = fc
  .uniqueArray(fc.oneof(anyIdentity, anyAccess, anyRoute), { minLength: 1, maxLength: 6, selector: ({ kind, name }) => `${kind}/${name}` })
  .map((documents) => {
    const kept: PolicyDocument[] = [];
    for (const next of documents) {
      kept.push(next);
      if (conflictsOf(kept).length > 0) kept.pop();
    }
    return kept;
  });
