import fc from "fast-check";
import { expect, test } from "vitest";
import { versionsHash } from "./versions-hash.js";

const version = fc.stringMatching(/^[0-9a-f]{16}$/);

test("the word is equal for equal versions in any order, and another one when any version is another", () => {
  fc.assert(
    fc.property(fc.uniqueArray(version, { minLength: 1, maxLength: 50 }), version, (versions, other) => {
      const named = versions.map((one, index) => [`s${index}`, one] as const);
      const word = versionsHash(new Map(named));
      expect(word).toMatch(/^[0-9a-f]{16}$/);
      expect(versionsHash(new Map([...named].reverse()))).toBe(word);
      fc.pre(!versions.includes(other));
      expect(versionsHash(new Map([...named, ["more", other]]))).not.toBe(word);
      expect(versionsHash(new Map([...named.slice(1), ["s0", other]]))).not.toBe(word);
    }),
  );
  expect(versionsHash(new Map())).toBe("");
});
