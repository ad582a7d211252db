import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalJson, sameJson } from "./canonical.js";
import { anyPolicies } from "./testing/arbitrary.js";
import { anyMutation } from "./testing/mutation.js";

test("values are the same exactly when their canonical JSON is", () => {
  const pair = anyPolicies.chain((documents) => fc.tuple(fc.constant(documents), fc.oneof(fc.constant(documents), anyMutation(documents))));
  fc.assert(
    fc.property(pair, ([a, b]) => {
      expect(sameJson(a, b)).toBe(canonicalJson(a) === canonicalJson(b));
      expect(sameJson(b, a)).toBe(sameJson(a, b));
    }),
  );
  const turned = { b: [1, { d: 2, c: undefined }], a: "x" };
  expect(sameJson({ a: "x", b: [1, { d: 2 }] }, turned)).toBe(true);
  for (const other of [{ a: "x" }, { a: "x", b: [1] }, { a: "x", b: { 0: 1, 1: { d: 2 } } }, { a: "x", b: [1, { e: 2 }] }, null, "x", []])
    expect([sameJson(turned, other), sameJson(other, turned)]).toEqual([false, false]);
});
