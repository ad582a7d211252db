/** Prometheus' text format, for figures with so many rows that they are written when they are asked for, instead of being kept. Pure. */

/** One metric over all `T`: its name, what it means, and the rows that a `T` has. */
export interface Family<T> {
  readonly name: string;
  readonly type: "gauge" | "counter";
  readonly help: string;
  /** Nothing where the figure is not known; one row for each set of labels else. */
  readonly rows: (of: T) => Iterable<Row>;
}

/** Labels beside those that all rows of a `T` have, written as in `,state="running"`, and the value. */
export type Row = readonly [labels: string, value: number];

/** The text of these families in pieces: a family's head, then each `T`'s rows. */
export function* printed<T>(families: readonly Family<T>[], all: readonly T[], labels: (of: T) => string): Generator<string> {
  for (const { name, type, help, rows } of families) {
    yield `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
    for (const of of all) {
      let text = "";
      for (const [more, value] of rows(of)) text += `${name}{${labels(of)}${more}} ${value}\n`;
      if (text !== "") yield text;
    }
  }
}

/** A label's value as the format has it between quotes. */
export function escaped(value: string): string {
  return /[\\"\n]/.test(value) ? value.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n") : value;
}
