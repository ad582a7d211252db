/** Prometheus' text format, line by line: the family that a line belongs to, and samples with more labels. Pure. */

/** One line of a page that says something: a family's help or type, or a sample. */
export interface ExpositionLine {
  readonly kind: "HELP" | "TYPE" | "sample";
  /** The name that the samples of a histogram or summary share. */
  readonly family: string;
  /** What HELP and TYPE say; empty for a sample. */
  readonly says: string;
  readonly text: string;
}

/** A family as it is printed: its help and type, then its samples. */
export interface Family {
  readonly head: Iterable<string>;
  readonly samples: Iterable<string>;
}

/** The lines of a page, without blank ones and remarks. */
export function* linesOf(page: string): Generator<ExpositionLine> {
  let named = "";
  for (const text of page.split("\n")) {
    const [, kind, name = "", says = ""] = /^# (HELP|TYPE) (\S+) ?(.*)/.exec(text) ?? [];
    if (kind) {
      named = name;
      yield { kind: kind as "HELP" | "TYPE", family: name, says, text };
    } else if (text !== "" && !text.startsWith("#")) {
      const word = /^[^\s{]+/.exec(text)?.[0] ?? text;
      yield { kind: "sample", family: named !== "" && word.startsWith(named) ? named : word, says: "", text };
    }
  }
}

/** The sample with those of the labels that it does not have. */
export function withLabels(sample: string, labels: Readonly<Record<string, string>>): string {
  const end = sample.search(/[\s{]/);
  const [name, rest] = [sample.slice(0, end), sample.slice(end)];
  const missing = Object.entries(labels).flatMap(([label, value]) => (hasLabel(rest, label) ? [] : [`${label}=${JSON.stringify(value)}`]));
  if (missing.length === 0) return sample;
  if (rest.startsWith("{}")) return `${name}{${missing.join(",")}}${rest.slice(2)}`;
  return rest.startsWith("{") ? `${name}{${missing.join(",")},${rest.slice(1)}` : `${name}{${missing.join(",")}}${rest}`;
}

/** The page of these families; ends with a newline unless it is empty. */
export function printFamilies(families: Iterable<Family>): string {
  return [...families].flatMap(({ head, samples }) => [...head, ...samples].map((line) => `${line}\n`)).join("");
}

function hasLabel(rest: string, label: string): boolean {
  return rest.startsWith(`{${label}="`) || rest.includes(`,${label}="`);
}
