import { describe, expect, it } from "vitest";
import { parseFlags, usage } from "./flags.js";

describe("the flags of prove rollout", () => {
  it("has a short form for every day and a long one", () => {
    expect(parseFlags([])).toMatchObject({ requests: 20_000, rate: 150, only: [], json: false });
    expect(parseFlags(["--long"])).toMatchObject({ requests: 1_000_000, rate: 900 });
    expect(parseFlags(["--long", "--rate", "300"])).toMatchObject({ requests: 1_000_000, rate: 300 });
  });

  it.each([
    [["--requests", "many"], "--requests many: give a whole number from 1"],
    [["--rate", "0"], "--rate 0: give a whole number from 1"],
    [["--only", "flood"], "--only flood: give one of none, consul-killed, consul-500"],
    [["--kills", "--only", "kill-consul"], "--only kill-consul: give one of kill-agent@1"],
    [["--identity", "permissive"], "--identity permissive: give one of off, strict"],
    [["--quick"], "--quick"],
  ])("refuses %j", (argv, message) => {
    expect(() => parseFlags(argv)).toThrow(message);
  });

  it("takes the kills of one part, or one of them", () => {
    expect(parseFlags(["--kills", "--only", "kill-agent", "--only", "kill-app@5"]).only).toEqual(["kill-agent", "kill-app@5"]);
  });

  it("speaks plain text unless it is told to be strict", () => {
    expect(parseFlags([]).identity).toBe("off");
    expect(parseFlags(["--kills", "--identity", "strict"]).identity).toBe("strict");
  });

  it("fits 80 columns", () => {
    expect(Math.max(...usage.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });
});
