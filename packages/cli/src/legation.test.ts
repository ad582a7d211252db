import { LegationError } from "@legation/runtime/command-line";
import { describe, expect, it } from "vitest";
import type { Command, Run } from "./command.js";
import { commands } from "./commands.js";
import { call } from "./testing/capture.js";

function command(name: string, run: Run): Command {
  return { name, summary: `Do ${name}`, load: async () => ({ run }) };
}

describe("finding the command", () => {
  it("hands the command the arguments behind its name, and ends with its code", async () => {
    const seen: string[][] = [];
    const agent = command("agent", async (argv) => {
      seen.push(argv);
      return 7;
    });
    expect(await call(["agent", "--port", "1"], { commands: [agent] })).toEqual({ code: 7, out: "", err: "" });
    expect((await call(["help", "agent"], { commands: [agent] })).code).toBe(7);
    expect(seen).toEqual([["--port", "1"], ["--help"]]);
  });

  it.each([["--help"], ["-h"], ["help"]])("shows the help for %s on stdout", async (word) => {
    const { code, out, err } = await call([word]);
    expect([code, err]).toEqual([0, ""]);
    for (const { name, summary } of commands) expect(out).toMatch(new RegExp(`^ {2}${name} +${summary}$`, "m"));
    expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it("shows the help on stderr when there is no command, and ends with 2", async () => {
    const { code, out, err } = await call([]);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain("Usage: legation COMMAND [flags]");
  });

  it.each([
    ["agnet", "legation: agnet is no command. Did you mean: legation agent\n"],
    ["controlplane", "legation: controlplane is no command. Did you mean: legation control-plane\n"],
    ["frobnicate", `legation: frobnicate is no command. Commands: ${commands.map(({ name }) => name).join(", ")}. See legation --help\n`],
    ["--services", "legation: --services is no flag; flags stand behind a command. Did you mean: legation services\n"],
  ])("refuses %s with 2", async (word, message) => {
    expect(await call([word])).toEqual({ code: 2, out: "", err: message });
  });

  it("prints no version behind which stands a word", async () => {
    const { code, out, err } = await call(["version", "x"]);
    expect([code, out, err]).toEqual([2, "", "legation version: x: unexpected argument. See --help.\n"]);
  });

  it.each([[["version"]], [["--version"]]])("prints the version for %j", async (argv) => {
    const { code, out } = await call(argv);
    expect(code).toBe(0);
    expect(out).toMatch(/^legation \d+\.\d+\.\d+ \(node \d+\.\d+\.\d+\)\n$/);
  });
});

describe("telling a failure", () => {
  const failing = (error: unknown) => [command("agent", () => Promise.reject(error))];

  it("tells a foreseen one without a stack and where its code is explained, and ends with 1", async () => {
    const error = new LegationError("consul.unreachable", "Consul does not answer");
    expect(await call(["agent"], { commands: failing(error) })).toEqual({
      code: 1,
      out: "",
      err: "legation agent: Consul does not answer\nCode consul.unreachable: explained at /docs/errors of a control plane\n",
    });
  });

  it("adds the stack and the cause with LEGATION_DEBUG=1", async () => {
    const error = new LegationError("consul.unreachable", "Consul does not answer", { cause: new Error("refused") });
    const { err } = await call(["agent"], { commands: failing(error), env: { LEGATION_DEBUG: "1" } });
    expect(err).toMatch(/^legation agent: Consul does not answer\n/);
    expect(err).toContain("legation.test.ts");
    expect(err).toContain("refused");
    expect((await call(["agent"], { commands: failing(error), env: { LEGATION_DEBUG: "0" } })).err).not.toContain("legation.test.ts");
  });

  it("lets no word of an error steer the terminal, not even in its stack", async () => {
    for (const error of [new LegationError("consul.unreachable", "a \u001b[2J"), new TypeError("b \u001b[2J")]) {
      const { err } = await call(["agent"], { commands: failing(error), env: { LEGATION_DEBUG: "1" } });
      expect(err).toContain("\\u001b[2J");
      expect(err).not.toContain("\u001b");
    }
  });

  it("lists the problems of a configuration below each other, and ends with 2", async () => {
    const argv = ["services", "--jsn", "--api", "not a url"];
    expect(await call(argv)).toEqual({
      code: 2,
      out: "",
      err:
        "legation services: 2 problems\n" +
        "  --jsn: there is no such flag. Did you mean --json?\n" +
        '  --api: "not a url" is not a URL. Write http://host:port.\n',
    });
  });

  it("shows the stack of anything that was not foreseen", async () => {
    const { code, err } = await call(["agent"], { commands: failing(new TypeError("x is undefined")) });
    expect(code).toBe(1);
    expect(err).toMatch(/^legation agent: this should not have happened; please report it/);
    expect(err).toContain("TypeError: x is undefined");
    expect(err).toContain("legation.test.ts");
  });
});
