/** How answers are laid out for people: aligned tables and wrapped sentences that fit the terminal. */

/**
 * Lays out rows below a head, two spaces between columns, numbers to the right. Lines wider than `width` are cut with `…`; without a width
 * nothing is. Ends with a newline.
 */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[], width?: number): string {
  const cells = [head, ...rows.map((row) => row.map(String))];
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const right = head.map((_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === "number"));
  const lines = cells.map((row) =>
    row
      .map((cell, column) => (right[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
  return `${lines.map((line) => (width && line.length > width ? `${line.slice(0, width - 1)}…` : line)).join("\n")}\n`;
}

/** One sentence a line, wrapped at `width` with two spaces before the rest; without a width as it is. Ends with a newline. */
export function sentence(text: string, width?: number): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    const indent = lines.length > 0 ? "  " : "";
    if (line && width && indent.length + line.length + 1 + word.length > width) {
      lines.push(indent + line);
      line = word;
    } else line = line ? `${line} ${word}` : word;
  }
  lines.push((lines.length > 0 ? "  " : "") + line);
  return `${lines.join("\n")}\n`;
}
