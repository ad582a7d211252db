import { expect, it } from "vitest";
import { nearest } from "./nearest.js";

it.each([
  ["prot", ["name", "port", "host"], "port"],
  ["failure_threshold", ["failureThreshold", "recoveryThreshold"], "failureThreshold"],
  ["controlplane", ["agent", "control-plane"], "control-plane"],
  ["agnet", ["agent", "services"], "agent"],
  ["x", ["name", "port"], undefined],
  ["zebra", ["name", "port"], undefined],
  ["a", [], undefined],
  ["abcdef", ["abcdefghi", "abcdefgh"], "abcdefgh"],
  ["abcdef", ["abc", "abcd"], "abcd"],
  ["abcdef", ["abcdefghi", "abc"], undefined],
])("for %s among %j proposes %s", (word, known, expected) => {
  expect(nearest(word, known)).toBe(expected);
});
