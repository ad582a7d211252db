/** How answers are laid out for people: tables and sentences of which no line is wider than the screen, whatever stands in them. */
import { escapeControls, oneLine } from "./control-characters.js";
import { type Level, paint, paper, type Screen, unpainted } from "./screen.js";
import { cutMiddle, textWidth, wrapWords } from "./text-width.js";

/** What stands in a table: text, a number (to the right), or text of a level, in its colour. */
export type Cell = string | number | { readonly text: string; readonly level?: Level };

/** Between two columns. */
const gap = 2;
/** A column becomes narrower than this only when nothing else helps. */
const readable = 12;
/** Below this a row is shown with a line for each of its cells. */
const least = 4;

/**
 * Lays out rows below a head, two spaces between columns, columns of numbers to the right. Where the screen is too narrow, cells of several
 * words wrap and single words lose their middle; where even that is not enough, each cell gets a line. Ends with a newline.
 */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[], screen: Screen = paper): string {
  const texts = [head, ...rows.map((row) => row.map(textOf))];
  const widths = fit(
    head.map((_, column) => texts.map((row) => row[column] ?? "")),
    screen.width - gap * (head.length - 1),
  );
  if (!widths) return records(head, rows, screen);
  const right = head.map((_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === "number"));
  return texts
    .map((row, index) => {
      const level = (column: number) => (index === 0 ? "strong" : levelOf(rows[index - 1]?.[column]));
      const cells = widths.map((width, column) => linesOf(row[column] ?? "", width));
      const height = Math.max(...cells.map((lines) => lines.length));
      return Array.from({ length: height }, (_, line) =>
        cells
          .map((lines, column) => aligned(lines[line] ?? "", widths[column] ?? 0, right[column] ?? false, level(column), screen))
          .join(" ".repeat(gap)),
      )
        .map((line) => `${line.trimEnd()}\n`)
        .join("");
    })
    .join("");
}

/** One sentence a line, wrapped with two spaces before the rest; a word that is wider is broken. Ends with a newline. */
export function sentence(text: string, screen: Screen = paper, level?: Level): string {
  const lines = wrapWords(oneLine(text), screen.width, screen.width - gap);
  return lines.map((line, index) => `${index > 0 ? " ".repeat(gap) : ""}${paint(line, level, screen)}\n`).join("");
}

/** Lines that were drawn elsewhere: one that is too wide after all, by wide characters or escaped ones, loses its middle and its colours. */
export function fitted(text: string, screen: Screen): string {
  return text
    .split("\n")
    .map((line) => {
      const plain = escapeControls(screen.colour ? unpainted(line) : line);
      return textWidth(plain) <= screen.width ? line : cutMiddle(plain, screen.width);
    })
    .join("\n");
}

/** Every row with a line for each cell, and an empty line between rows. */
function records(head: readonly string[], rows: readonly (readonly Cell[])[], screen: Screen): string {
  return rows
    .map((row) => head.map((name, column) => sentence(`${name}: ${textOf(row[column] ?? "")}`, screen, levelOf(row[column]))).join(""))
    .join("\n");
}

function textOf(cell: Cell): string {
  return oneLine(typeof cell === "object" ? cell.text : String(cell));
}

function levelOf(cell: Cell | undefined): Level | undefined {
  return typeof cell === "object" ? cell.level : undefined;
}

function linesOf(text: string, width: number): readonly string[] {
  return text.includes(" ") ? wrapWords(text, width) : [cutMiddle(text, width)];
}

function aligned(text: string, width: number, right: boolean, level: Level | undefined, screen: Screen): string {
  const padding = " ".repeat(Math.max(0, width - textWidth(text)));
  return right ? padding + paint(text, level, screen) : paint(text, level, screen) + padding;
}

/**
 * How wide each column is within `room` columns in all; undefined when that is too little for all. What can wrap becomes narrower first,
 * then what is widest.
 */
function fit(columns: readonly (readonly string[])[], room: number): readonly number[] | undefined {
  const widths = columns.map((texts) => Math.max(...texts.map(textWidth)));
  const words = columns.map((texts) => Math.max(...texts.flatMap((text) => text.split(" ").map(textWidth))));
  // The heads stay whole.
  const heads = columns.map(([head = ""]) => textWidth(head));
  const atLeast = (floor: number) => heads.map((head) => Math.max(head, floor));
  const floors = [words.map((word) => Math.max(Math.min(word, 2 * readable), readable)), atLeast(readable), atLeast(least)];
  for (const floor of floors) {
    let over = widths.reduce((sum, width) => sum + width, 0) - room;
    while (over > 0) {
      const widest = indexOfWidest(widths.map((width, column) => (width > (floor[column] ?? 0) ? width : 0)));
      if (widest === undefined) break;
      widths[widest] = (widths[widest] ?? 0) - 1;
      over -= 1;
    }
    if (over <= 0) return widths;
  }
  return undefined;
}

function indexOfWidest(widths: readonly number[]): number | undefined {
  const most = Math.max(...widths);
  return most > 0 ? widths.indexOf(most) : undefined;
}
