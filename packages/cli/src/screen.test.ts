import { describe, expect, it } from "vitest";
import type { Output } from "./command.js";
import { guarded, paint, screenOf } from "./screen.js";

const write = () => {};
const terminal: Output = { write, columns: 120, rows: 40, isTTY: true };

describe("a command's screen", () => {
  it.each([
    [terminal, {}, 120],
    [{ ...terminal, columns: 0 }, {}, 80],
    [{ ...terminal, columns: 5 }, {}, 20],
    [terminal, { COLUMNS: "60" }, 120],
    [{ write }, {}, 80],
    [{ write }, { COLUMNS: "200" }, 200],
    [{ write }, { COLUMNS: "wide" }, 80],
  ])("is as wide as the terminal, COLUMNS or 80: %o, %o", (stdout, env, width) => expect(screenOf({ stdout, env }).width).toBe(width));

  it.each([
    [terminal, {}, true],
    [{ write }, {}, false],
    [terminal, { NO_COLOR: "1" }, false],
    [terminal, { NO_COLOR: "" }, true],
    [terminal, { TERM: "dumb" }, false],
    [{ write }, { FORCE_COLOR: "1" }, true],
    [terminal, { FORCE_COLOR: "0" }, false],
  ])("has colours on a terminal, unless the environment says otherwise: %o, %o", (stdout, env, colour) =>
    expect(screenOf({ stdout, env }).colour).toBe(colour),
  );
});

it("lets its own colours through and shows every other control character", () => {
  const texts: string[] = [];
  const output: Output = { write: (text) => texts.push(text) };
  const screen = { width: 80, colour: true };
  guarded(output, screen).write(`${paint("bad", "bad", screen)}\u001b[2J\u0007\tx\n`);
  guarded(output, { colour: false }).write("\u001b[31mred\n");
  expect(texts).toEqual(["\u001b[31mbad\u001b[0m\\u001b[2J\\u0007\tx\n", "\\u001b[31mred\n"]);
});
