/** Tables that fit 80 columns. */

/** The widest line. */
export const columns = 80;

/** Rows below a head, two spaces between columns; columns of numbers to the right. The last column is cut with `…` at 80. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, at) => Math.max(...all.map((row) => row[at]?.length ?? 0)));
  const right = head.map((_, at) => rows.length > 0 && rows.every((row) => /^([\d.,]+( ms| s)?|)$/.test(row[at] ?? "")));
  const line = (row: readonly string[]) =>
    fit(
      row
        .map((cell, at) => (right[at] ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0)))
        .join("  ")
        .trimEnd(),
    );
  return all.map(line).join("\n");
}

/** The line, cut with `…` where it is wider than 80. */
export function fit(line: string): string {
  return line.length > columns ? `${line.slice(0, columns - 1)}…` : line;
}

/** The text in lines behind `indent`, which fit 80 columns as far as its words do. */
export function wrap(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line !== "" && indent.length + line.length + 1 + word.length > columns) {
      lines.push(fit(indent + line));
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, fit(indent + line)];
}

/** `1,234`. */
export function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** `45 ms`, or `1.23 s`. */
export function time(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(2)} s`;
}
