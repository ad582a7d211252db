/** Random policies for tests: each right by itself and beside the others. */
import { identityModes } from "@legation/contract";
import fc from "fast-check";
import { authorizationModes } from "../identity/identity.js";
import { type KindName, kinds, type PolicyDocument } from "../kinds.js";
import { anyRoute } from "./arbitrary-route.js";
import { fromSchema, type Words } from "./from-schema.js";
import { mendedDocuments } from "./mended.js";

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

/** The kinds of traffic: those that an Envoy gets to see. */
export const trafficKinds = (Object.keys(kinds) as KindName[]).filter((kind) => kind !== "Identity" && kind !== "Access");

/** Any document of a kind that its schema may accept: of two fields that contradict each other, both may be there. */
export function anyDraft(kind: KindName, words: Words = {}): fc.Arbitrary<unknown> {
  return fromSchema(kinds[kind].schema, { name: anyName, ...words });
}

/** Policies of traffic that can be in force together, for services of the names given: one for the mesh at most, and some for services. */
export function anyTraffic(services: readonly string[]): fc.Arbitrary<readonly PolicyDocument[]> {
  const service = fc.constantFrom(...services);
  const subset = fc.constantFrom("v1", "v2", "canary");
  // Envoy opens the file as soon as it is told.
  const words = { service, subset, "subsets key": subset, "accessLog.path": fc.constant("/dev/null") };
  const drafts = trafficKinds.map((kind) => {
    const draft = anyDraft(kind, { ...words, ...(kind === "Service" ? { name: service } : {}) });
    return fc.array(draft, { maxLength: kind === "MeshDefaults" ? 1 : 2 });
  });
  return fc.tuple(...drafts).map((all) => mendedDocuments(all.flat()));
}

/** Documents that can be in force together. */
export const anyPolicies: fc.Arbitrary<PolicyDocument[]> = fc
  .tuple(
    fc.array(fc.oneof(anyIdentity, anyAccess, anyRoute), { minLength: 1, maxLength: 6 }),
    fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: anyTraffic(["a", "b", "orders"]) }),
  )
  .map(([others, traffic]) => [...mendedDocuments([...others, ...traffic])])
  .filter((documents) => documents.length > 0);
