/** What is wrong with a value that somebody wrote, in words that say the fix. */
import type { z } from "zod";

/** What is wrong at one place of a document: `path` leads there, and `message` says the fix too. */
export interface Flaw {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** Everything that a schema has against a value; it must have been parsed with `reportInput`. */
export function flawsOf({ issues }: z.ZodError): readonly Flaw[] {
  return issues.flatMap(explain);
}

function explain(issue: z.core.$ZodIssue): readonly Flaw[] {
  const { path } = issue;
  const missing = issue.input === undefined;
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => ({ path: [...path, key], message: "there is no such field. Take it out, or correct its name" }));
    case "invalid_value": {
      const words = issue.values.map(String).join(", ");
      return [
        { path, message: missing ? `is missing. Write one of ${words}` : `${quoted(issue.input)} is none of ${words}. Write one of them` },
      ];
    }
    case "invalid_type": {
      const wanted = typeNames[issue.expected] ?? issue.expected;
      return [{ path, message: missing ? `is missing. Write ${wanted}` : `${quoted(issue.input)} is not ${wanted}. Write ${wanted}` }];
    }
    case "too_small":
    case "too_big": {
      const small = issue.code === "too_small";
      const limit = small ? issue.minimum : issue.maximum;
      const unit = issue.origin === "array" ? " entries" : issue.origin === "string" ? " characters" : "";
      return [
        {
          path,
          message: `${quoted(issue.input)} is too ${small ? "small" : "large"}. Use ${small ? "at least" : "at most"} ${limit}${unit}`,
        },
      ];
    }
    case "invalid_key":
      return issue.issues.map(({ message }) => ({ path, message: `is no name that can be used here: ${message}` }));
    case "custom":
      return [{ path, message: issue.message }];
    default:
      return [{ path, message: `${quoted(issue.input)} cannot be used: ${issue.message}` }];
  }
}

const typeNames: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  array: "a list",
  object: "a map of fields",
  boolean: "true or false",
};

/** A value in a message, cut short. */
export function quoted(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** A path inside a document as people write it: `approvals.keys[2]`. */
export function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, step) => (typeof step === "number" ? `${text}[${step}]` : `${text}${text && "."}${String(step)}`), "");
}
