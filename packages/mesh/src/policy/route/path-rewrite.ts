/** The path that a request has behind the caller's proxy, in place of the one that it was made with. Its query stays. */
import { z } from "zod";
import { patternGroups, patternProblem } from "../../authorization/pattern.js";
import type { AddIssue } from "./one-of.js";
import { pathText } from "./path-match.js";
import type { matchField } from "./rule-match.js";
import { templateVariables } from "./uri-template.js";

/** The new path. */
export type PathRewrite =
  /** In place of the whole path, or of the prefix that the rule matches. */
  | { readonly kind: "path" | "prefix"; readonly value: string }
  /** In place of everything that matches an RE2 expression; `\1` is its first group. */
  | { readonly kind: "regex"; readonly pattern: string; readonly substitution: string }
  /** Made of the variables of the template that the rule matches. */
  | { readonly kind: "template"; readonly value: string };

/** The fields of a new path, of which at most one is to be written. */
export const pathRewriteFields = {
  path: pathText.optional().describe("In place of the whole path."),
  prefix: pathText.optional().describe("In place of the prefix that the rule matches: /new makes /new/x of /api/x, / makes /x of it."),
  regex: z
    .strictObject({
      pattern: z.string().min(1).max(1_024).describe("An RE2 expression. All that it matches in the path is replaced."),
      substitution: z
        .string()
        .max(1_024)
        .regex(/^(?:[\x21\x22\x24-\x5b\x5d-\x7e]|\\[0-9\\])*$/, {
          error: "use characters of a path, without blanks and #, \\1 to \\9 for groups, and \\\\ for a backslash",
        })
        .describe("What it is replaced by; \\1 is the first group of the expression."),
    })
    .superRefine(({ pattern, substitution }, { addIssue }) => {
      const problem = patternProblem(pattern);
      if (problem) return addIssue({ code: "custom", path: ["pattern"], message: problem });
      const groups = patternGroups(pattern);
      const last = Math.max(0, ...[...substitution.matchAll(/\\(?:([0-9])|\\)/g)].map(([, digit = "0"]) => Number(digit)));
      if (last > groups)
        addIssue({
          code: "custom",
          path: ["substitution"],
          message: `uses \\${last}, and the pattern has ${groups} groups. Add one to it`,
        });
    })
    .optional()
    .describe("In place of everything that an expression matches."),
  template: z
    .string()
    .max(256)
    .regex(/^\/(?:[A-Za-z0-9\-._~!$&'()+,;:@=/]|\{[A-Za-z][A-Za-z0-9_]{0,15}\})*$/, {
      error: "use a path with variables of the rule's template, such as /{id}/new",
    })
    .optional()
    .describe("A path with variables of the template that the rule matches, such as /{id}/new."),
};

const ways = ["path", "prefix", "regex", "template"] as const;

type Written = { readonly [K in (typeof ways)[number]]?: z.output<(typeof pathRewriteFields)[K]> };

/** The new path that was written. */
export function pathRewrite({ path, prefix, regex, template }: Written): PathRewrite | undefined {
  if (path !== undefined) return { kind: "path", value: path };
  if (prefix !== undefined) return { kind: "prefix", value: prefix.replace(/\/+$/, "") || "/" };
  if (regex) return { kind: "regex", ...regex };
  return template === undefined ? undefined : { kind: "template", value: template };
}

/** Adds what is wrong with a new path beside the match of its rule; `at` leads to its fields. */
export function pathRewriteFlaws(written: Written, match: z.output<typeof matchField> | undefined, at: string, addIssue: AddIssue): void {
  const flaw = (field: string, message: string) => addIssue({ code: "custom", path: [at, field], message });
  const said = ways.filter((way) => written[way] !== undefined);
  if (said.length > 1) flaw(said[1] ?? "", `${said[0]} says the new path already. Keep one of them`);
  const whole = match?.path === undefined && match?.grpc === undefined;
  if (written.prefix !== undefined && !whole && match?.path?.prefix === undefined)
    flaw("prefix", "goes with match.path.prefix alone. Match a prefix, or use path or regex");
  if (written.template === undefined) return;
  const source = match?.path?.template;
  if (source === undefined) return void flaw("template", "goes with match.path.template alone. Match a template, or use regex");
  const known = templateVariables(source);
  const unknown = [...written.template.matchAll(/\{([^}]*)\}/g)].map(([, name = ""]) => name).find((name) => !known.includes(name));
  if (unknown !== undefined)
    flaw("template", `{${unknown}} is no variable of ${source}. Use one of ${known.join(", ") || "(it has none)"}`);
}
