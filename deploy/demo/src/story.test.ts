import type { Load } from "@legation/local";
import { describe, expect, it } from "vitest";
import { type Fact, hold } from "./facts/fact.js";
import type { Shop } from "./shop.js";
import { play, storyOf } from "./story.js";

const stage = { shop: {} as Shop, load: {} as Load };

describe("the story", () => {
  it("goes on after a fact that does not hold, and counts both kinds", async () => {
    const facts: Fact[] = [
      { title: "one holds", observe: async () => "3 of 3" },
      {
        title: "one does not",
        observe: async () => {
          hold(false, "2 of 3");
          return "3 of 3";
        },
      },
      { title: "the last holds", observe: async () => "in 5 ms" },
    ];
    const lines: string[] = [];
    expect(await play(facts, stage, (line) => lines.push(line))).toEqual({ held: 2, broken: 1 });
    expect(lines.map((line) => line.replace(/^[\d:]+ +/, "").replace(/\n +/, ": "))).toEqual([
      "✓ one holds: 3 of 3",
      "✗ one does not: 2 of 3",
      "✓ the last holds: in 5 ms",
    ]);
  });

  it("has a title of its own for each fact", () => {
    const titles = storyOf("strict").map(({ title }) => title);
    expect(new Set(titles).size).toBe(titles.length);
  });

  it("is the same for every identity, with what only identity has between", () => {
    const [off, permissive, strict] = (["off", "permissive", "strict"] as const).map((identity) => storyOf(identity).length);
    expect([permissive, strict]).toEqual([Number(off) + 4, Number(off) + 5]);
  });
});
