import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Dependency, dependencyOf, dependencyWord } from "./dependency.js";

const name = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/);
const plain = fc.record({ name, optional: fc.boolean() });
const dependency: fc.Arbitrary<Dependency> = fc.oneof(
  plain,
  fc.tuple(plain, fc.integer({ min: 1, max: 65_535 })).map(([one, port]) => ({ ...one, port })),
);

describe("a dependency's word", () => {
  it("reads back as it was written", () => {
    fc.assert(
      fc.property(dependency, (value) => {
        expect(dependencyOf(dependencyWord(value))).toEqual(value);
      }),
    );
  });

  it.each([
    ["cache", { name: "cache", optional: false }],
    [" cache ? ", { name: "cache", optional: true }],
    ["db:15432", { name: "db", optional: false, port: 15_432 }],
    ["db:15432?", { name: "db", optional: true, port: 15_432 }],
    ["db:0", { name: "db:0", optional: false }],
    ["db:65536", { name: "db:65536", optional: false }],
    ["db?:1", { name: "db?", optional: false, port: 1 }],
    ["db:", { name: "db:", optional: false }],
  ])("%j is read", (word, value) => expect(dependencyOf(word)).toEqual(value));
});
