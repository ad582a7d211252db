import fc from "fast-check";
import { expect, it } from "vitest";
import { type Cell, sentence, table } from "./layout.js";
import { paper } from "./screen.js";
import { prepareWidths, textWidth } from "./text-width.js";

await prepareWidths("訂單");

const at = (width: number) => ({ ...paper, width });

it("aligns columns, numbers to the right, with nothing behind the last word", () => {
  const rows = [
    ["orders", 5, "-"],
    ["a", 12, "yes"],
  ];
  expect(table(["NAME", "N", "OK"], rows)).toBe("NAME     N  OK\norders   5  -\na       12  yes\n");
});

it("wraps cells of several words, and cuts the middle out of a single one", () => {
  const rows = [["a-service-with-a-very-long-name", "what it has to say takes two lines"]];
  expect(table(["NAME", "WHAT"], rows, at(44))).toBe(
    "NAME                      WHAT\na-service-wi…y-long-name  what it has to say\n                          takes two lines\n",
  );
});

it("gives each cell a line where the columns have no room", () => {
  const head = ["A", "B", "C", "D", "E", "F", "G", "H", "I", "J"];
  const row = head.map((name) => name.repeat(9));
  const text = table(head, [row, row], at(30));
  expect(text.split("\n").slice(0, 2)).toEqual(["A: AAAAAAAAA", "B: BBBBBBBBB"]);
  expect(text).toContain("J: JJJJJJJJJ\n\nA: AAAAAAAAA\n");
});

it("measures what a terminal shows: two columns for an emoji or a Chinese character, none for an accent", () => {
  const rows = [
    ["訂單", 1],
    ["👩‍👩‍👧", 2],
    ["e\u0301", 3],
  ];
  expect(table(["N", "X"], rows)).toBe("N     X\n訂單  1\n👩‍👩‍👧    2\ne\u0301     3\n");
});

it("shows what would steer the terminal, and does not send it", () => {
  const evil = "a\u001b[2J\u009b31m\u202e\u0007\u007f";
  const shown = "a\\u001b[2J\\u009b31m\\u202e\\u0007\\u007f";
  expect(table(["N"], [[evil]])).toBe(`N\n${shown}\n`);
  expect(sentence(evil)).toBe(`${shown}\n`);
  expect(table(["N", "M"], [["two\nlines", "x"]])).toBe("N          M\ntwo lines  x\n");
});

it("paints heads and cells without a change of their widths", () => {
  const rows: Cell[][] = [[{ text: "bad", level: "bad" }, "x"]];
  const text = table(["STATE", "N"], rows, { width: 80, colour: true });
  expect(text).toBe("\u001b[1mSTATE\u001b[0m  \u001b[1mN\u001b[0m\n\u001b[31mbad\u001b[0m    x\n");
});

it("wraps a sentence with the rest indented, and breaks a word only where it has no line to itself", () => {
  expect(sentence("one two three four", at(9))).toBe("one two\n  three\n  four\n");
  expect(sentence("unbreakable here", at(9))).toBe("unbreakab\n  le here\n");
});

const character = fc.oneof(
  fc.string({ unit: "binary", minLength: 0, maxLength: 12 }),
  fc.string({ unit: "grapheme-composite", maxLength: 40 }),
  fc.constantFrom(
    "訂單服務".repeat(9),
    "👩‍👩‍👧".repeat(8),
    "\u001b[31m\u001b[2J",
    "\u0300".repeat(20),
    "word ".repeat(40),
    "x".repeat(300),
  ),
);
const text = fc.array(character, { maxLength: 3 }).map((parts) => parts.join(""));

it("never writes a line that is wider than the screen, nor a control character, whatever stands in a table", () => {
  const row = fc.array(fc.oneof(text, fc.integer()), { minLength: 6, maxLength: 6 });
  fc.assert(
    fc.property(
      fc.array(row, { maxLength: 4 }),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 20, max: 120 }),
      (rows, columns, width) => {
        const head = ["NAME", "STATE", "VERSION", "N", "DEPENDENCIES", "WHAT"].slice(0, columns);
        const out =
          table(
            head,
            rows.map((cells) => cells.slice(0, columns)),
            at(width),
          ) + sentence(rows.flat().join(" "), at(width));
        for (const line of out.split("\n")) expect(textWidth(line), line).toBeLessThanOrEqual(width);
        expect(out).not.toMatch(/[^\P{Cc}\n]/u);
      },
    ),
    { numRuns: 1_000 },
  );
});
