/** What a header or a query parameter of a request must be for a rule. */
import { z } from "zod";
import type { TextMatch } from "../../authorization/intention.js";
import { patternProblem } from "../../authorization/pattern.js";
import { type AddIssue, oneOf } from "./one-of.js";

/** Whole numbers, both included. */
export interface RangeMatch {
  readonly kind: "range";
  readonly from: number;
  readonly to: number;
}

/** One condition, resolved. */
export interface ValueMatch {
  /** A header's in lower case. */
  readonly name: string;
  readonly value: "present" | TextMatch | RangeMatch;
  readonly ignoreCase: boolean;
  /** The opposite: matches every request that the condition would not match, so also one that has no such header. */
  readonly invert: boolean;
}

const word = z.string().min(1).max(1_024).optional();
const only = z.literal(true).optional();
const texts = {
  exact: z.string().max(1_024).optional().describe("The whole value."),
  prefix: word.describe("What the value begins with."),
  contains: word.describe("What is somewhere in the value."),
  regex: word.describe("An RE2 expression that the whole value matches."),
  present: only.describe("It is there, with any value."),
  ignoreCase: z.boolean().optional().describe("Upper and lower case are the same. Not with regex: write (?i) in it."),
};
const integer = z.int().min(-1e15).max(1e15);

const queryWays = ["exact", "prefix", "contains", "regex", "present"] as const;
const headerWays = [...queryWays, "suffix", "absent", "range"] as const;

const headerValue = z
  .strictObject({
    ...texts,
    suffix: word.describe("What the value ends with."),
    absent: only.describe("It is not there."),
    range: z
      .strictObject({ from: integer, to: integer })
      .refine(({ from, to }) => from <= to, { error: "is empty: from is larger than to. Exchange them" })
      .optional()
      .describe("A whole number from one to another, both included."),
    invert: z.boolean().optional().describe("The opposite: every request matches that would not."),
  })
  .superRefine((written, { addIssue }) => flaws(written, headerWays, addIssue));

const queryValue = z.strictObject(texts).superRefine((written, { addIssue }) => flaws(written, queryWays, addIssue));

function flaws(
  written: { readonly [K in (typeof headerWays)[number]]?: unknown } & { readonly ignoreCase?: boolean | undefined },
  ways: typeof headerWays | typeof queryWays,
  addIssue: AddIssue,
): void {
  const flaw = (field: string, message: string) => addIssue({ code: "custom", path: [field], message });
  const way = oneOf(written, ways as readonly (typeof headerWays)[number][], addIssue);
  const problem = typeof written.regex === "string" ? patternProblem(written.regex) : undefined;
  if (problem) flaw("regex", problem);
  if (!written.ignoreCase || way === undefined || way === "exact" || way === "prefix" || way === "suffix" || way === "contains") return;
  flaw("ignoreCase", way === "regex" ? "does not go with regex. Write (?i) at its beginning" : `does not go with ${way}. Take it out`);
}

/** The name of a header, in any case. */
export const headerName = z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/, { error: "use the name of a header, such as x-beta" });

/** The field `headers` of a match: by name. */
export const headersField = z
  .record(headerName, headerValue)
  .superRefine((written, { addIssue }) => {
    const seen = new Set<string>();
    for (const name of Object.keys(written)) {
      if (seen.has(name.toLowerCase()))
        addIssue({ code: "custom", path: [name], message: "is there twice: the names of headers know no case. Keep one" });
      seen.add(name.toLowerCase());
    }
  })
  .describe("What headers must be, by name: all of them.");

/** The field `query` of a match: by name. */
export const queryField = z
  .record(z.string().regex(/^[\x21-\x7e]{1,256}$/, { error: "use the name of a parameter as it is sent" }), queryValue)
  .describe("What parameters of the query must be, by name: all of them. Of several of one name the first counts.");

type Written = Partial<z.output<typeof headerValue>>;

/** The conditions of a written field, sorted by name. */
export function valueMatches(written: Readonly<Record<string, Written>>, of: "headers" | "query"): readonly ValueMatch[] {
  const all = Object.entries(written).map(([name, value]) => valueMatch(of === "headers" ? name.toLowerCase() : name, value));
  return all.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function valueMatch(name: string, written: Written): ValueMatch {
  const invert = (written.invert ?? false) !== (written.absent ?? false);
  const rest = { name, ignoreCase: written.ignoreCase ?? false, invert };
  if (written.range) return { ...rest, value: { kind: "range", from: written.range.from, to: written.range.to } };
  for (const kind of ["exact", "prefix", "suffix", "contains", "regex"] as const) {
    const value = written[kind];
    if (value !== undefined) return { ...rest, value: { kind, value } };
  }
  return { ...rest, value: "present" };
}
