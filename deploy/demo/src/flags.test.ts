import { describe, expect, it } from "vitest";
import { parseFlags, usage } from "./flags.js";

describe("the demo's flags", () => {
  it("have defaults for people, and a higher rate for the story", () => {
    expect(parseFlags([])).toEqual({ help: false, once: false, readyFile: undefined, rate: 50, identity: "off" });
    const once = { help: false, once: true, readyFile: "demo.json", rate: 100, identity: "strict" };
    expect(parseFlags(["--once", "--ready-file", "demo.json", "--identity", "strict"])).toEqual(once);
  });

  it.each([
    [["--onec"]],
    [["--rate", "none"]],
    [["--rate", "0"]],
    [["--rate", "1000000"]],
    [["--ready-file"]],
    [["--ready-file", ""]],
    [["--identity"]],
    [["--identity", "on"]],
    [["now"]],
  ])("refuse %j", (argv) => {
    expect(() => parseFlags(argv)).toThrow();
  });

  it("are explained within 80 columns", () => {
    for (const line of usage.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  });
});
