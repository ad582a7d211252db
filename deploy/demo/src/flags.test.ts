import { describe, expect, it } from "vitest";
import { parseFlags, usage } from "./flags.js";

describe("the demo's flags", () => {
  it("have defaults for people, and a higher rate for the story", () => {
    expect(parseFlags([])).toEqual({ help: false, once: false, readyFile: undefined, rate: 50 });
    expect(parseFlags(["--once", "--ready-file", "demo.json"])).toEqual({ help: false, once: true, readyFile: "demo.json", rate: 100 });
  });

  it.each([
    [["--onec"]],
    [["--rate", "none"]],
    [["--rate", "0"]],
    [["--rate", "1000000"]],
    [["--ready-file"]],
    [["--ready-file", ""]],
    [["now"]],
  ])("refuse %j", (argv) => {
    expect(() => parseFlags(argv)).toThrow();
  });

  it("are explained within 80 columns", () => {
    for (const line of usage.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  });
});
