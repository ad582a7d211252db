import { describe, expect, it } from "vitest";
import type { Fault } from "./fault.js";
import { turns } from "./plan.js";

const fault = (name: string): Fault => ({ name, step: "-", title: name, play: async () => undefined });

function first(n: number, faults: string[]): [string, number][] {
  const taken: [string, number][] = [];
  for (const { fault: f, rank } of turns(fault("none"), faults.map(fault), 3)) {
    if (taken.length === n) break;
    taken.push([f.name, rank]);
  }
  return taken;
}

describe("the order of restarts", () => {
  it("goes over all ranks, with a plain restart before each fault", () => {
    expect(first(5, ["a", "b"])).toEqual([
      ["none", 0],
      ["a", 1],
      ["none", 2],
      ["b", 0],
      ["none", 1],
    ]);
  });

  it.each([[["a"]], [["a", "b"]], [["a", "b", "c"]]])("lets each of the faults %j strike every rank", (faults) => {
    const ranks = new Set(
      first(100, faults)
        .filter(([name]) => name === "a")
        .map(([, rank]) => rank),
    );
    expect([...ranks].sort()).toEqual([0, 1, 2]);
  });

  it("is a plain rolling restart without faults", () => {
    expect(first(4, [])).toEqual([
      ["none", 0],
      ["none", 1],
      ["none", 2],
      ["none", 0],
    ]);
  });
});
