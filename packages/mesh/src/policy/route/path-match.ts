/** What the path of a request must be for a rule. */
import { z } from "zod";
import { patternProblem } from "../../authorization/pattern.js";
import { oneOf } from "./one-of.js";
import { templateProblem } from "./uri-template.js";

/** The condition, resolved. The query is no part of the path. */
export interface PathMatch {
  readonly kind: "exact" | "prefix" | "template" | "regex";
  /** Of a prefix without the slash at its end; `/` matches every path. */
  readonly value: string;
  readonly ignoreCase: boolean;
}

/** What every request's path matches. */
export const anyPath: PathMatch = { kind: "prefix", value: "/", ignoreCase: false };

/** A path without query. */
export const pathText = z.string().regex(/^\/[\x21\x22\x24-\x3e\x40-\x7e]{0,1023}$/, {
  error: "use a path that begins with / and has no blank, query (?) or fragment (#); write other characters as they are sent: %20",
});

const ways = ["exact", "prefix", "template", "regex"] as const;

/** The field `path`. */
export const pathField = z
  .strictObject({
    exact: pathText.optional().describe("The whole path."),
    prefix: pathText.optional().describe("The path, or what it begins with, in whole segments: /api matches /api and /api/x, not /apix."),
    template: z
      .string()
      .optional()
      .describe("Segments between slashes: a word, * for any one, {name} for any one that a rewrite can use, ** at the end for any rest."),
    regex: z
      .string()
      .min(1)
      .max(1_024)
      .optional()
      .describe("An RE2 expression that the whole path matches. (?i) at its beginning ignores case."),
    ignoreCase: z.boolean().optional().describe("With exact or prefix: upper and lower case are the same."),
  })
  .superRefine((written, { addIssue }) => {
    const flaw = (field: string, message: string) => addIssue({ code: "custom", path: [field], message });
    const way = oneOf(written, ways, addIssue);
    if (written.ignoreCase && (way === "template" || way === "regex"))
      flaw(
        "ignoreCase",
        way === "regex" ? "does not go with regex. Write (?i) at its beginning" : "does not go with template. Use a regex",
      );
    const problem = written.template === undefined ? undefined : templateProblem(written.template);
    if (problem) flaw("template", problem);
    const unfit = written.regex === undefined ? undefined : patternProblem(written.regex);
    if (unfit) flaw("regex", unfit);
  })
  .describe("What the path must be, without its query.");

/** The condition that was written. */
export function pathMatch(written: z.output<typeof pathField>): PathMatch {
  const kind = ways.find((way) => written[way] !== undefined) ?? "prefix";
  const value = written[kind] ?? "/";
  const ignoreCase = written.ignoreCase ?? false;
  return { kind, value: kind === "prefix" ? value.replace(/\/+$/, "") || "/" : value, ignoreCase };
}
