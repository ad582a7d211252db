/** Where answers for people are shown: how wide it is, and whether it has colours. */
import type { Io, Output } from "./command.js";
import { escapeControls } from "./control-characters.js";

/** What a layout has to know. */
export interface Screen {
  /** Columns; no line is wider. */
  readonly width: number;
  readonly colour: boolean;
}

/** How good news a word is: what colour it gets. `strong` and `faint` are for heads and for what matters less; colours by name only tell things apart. */
export type Level = "good" | "warn" | "bad" | "strong" | "faint" | "blue" | "magenta" | "cyan";

/** The one palette: SGR parameters (ECMA-48). */
const palette: Readonly<Record<Level, number>> = { good: 32, warn: 33, bad: 31, strong: 1, faint: 2, blue: 34, magenta: 35, cyan: 36 };

const sgr = "\u001b";
const painted = new RegExp(`(${sgr}\\[(?:0|${Object.values(palette).join("|")})m)`);

/** Without a terminal and COLUMNS. */
const usualWidth = 80;
const leastWidth = 20;

/** A screen for what is not shown anywhere yet. */
export const paper: Screen = { width: usualWidth, colour: false };

/**
 * The screen of a command: as wide as the terminal, else as COLUMNS says, else 80. Colours on a terminal alone that has some; NO_COLOR takes
 * them away (no-color.org), FORCE_COLOR gives them (0: takes).
 */
export function screenOf({ env, stdout }: Pick<Io, "env" | "stdout">): Screen {
  const given = Number(env["COLUMNS"]);
  // A terminal that does not know its size says 0.
  const width = stdout.columns || (given > 0 ? given : usualWidth);
  return { width: Math.max(leastWidth, Math.floor(width)), colour: hasColour(env, stdout) };
}

function hasColour(env: Io["env"], stdout: Output): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = env;
  if (FORCE_COLOR) return !["0", "false"].includes(FORCE_COLOR);
  return !NO_COLOR && TERM !== "dumb" && stdout.isTTY === true;
}

/** The text in the colour of its level, where the screen has colours. */
export function paint(text: string, level: Level | undefined, { colour }: Screen): string {
  return colour && level !== undefined && text !== "" ? `${sgr}[${palette[level]}m${text}${sgr}[0m` : text;
}

/** The text with every control character escaped but line feeds, tabs and, on a screen with colours, those of `paint`. */
export function clean(text: string, { colour }: Pick<Screen, "colour">): string {
  if (!colour) return escapeControls(text);
  return text
    .split(painted)
    .map((part, index) => (index % 2 === 1 ? part : escapeControls(part)))
    .join("");
}

/** The text without the colours of `paint`. */
export function unpainted(text: string): string {
  return text
    .split(painted)
    .filter((_part, index) => index % 2 === 0)
    .join("");
}

/** An output that writes everything through `clean`. */
export function guarded(output: Output, screen: Pick<Screen, "colour">): Output {
  const { columns, rows, isTTY } = output;
  return { columns, rows, isTTY, write: (text) => output.write(clean(text, screen)) };
}
