import { expect, it } from "vitest";
import { sentence, table } from "./layout.js";

it("aligns columns, numbers to the right, with nothing behind the last word", () => {
  const rows = [
    ["orders", 5, "-"],
    ["a", 12, "yes"],
  ];
  expect(table(["NAME", "N", "OK"], rows)).toBe("NAME     N  OK\norders   5  -\na       12  yes\n");
});

it("cuts lines at the terminal's width only", () => {
  const rows = [["a".repeat(10)]];
  expect(table(["NAME"], rows, 6)).toBe("NAME\naaaaa…\n");
  expect(table(["NAME"], rows)).toBe(`NAME\n${"a".repeat(10)}\n`);
});

it("wraps a sentence with the rest indented, and never breaks a word", () => {
  expect(sentence("one two three four", 9)).toBe("one two\n  three\n  four\n");
  expect(sentence("unbreakable-word here", 8)).toBe("unbreakable-word\n  here\n");
  expect(sentence("one two three")).toBe("one two three\n");
});
