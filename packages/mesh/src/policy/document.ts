/** One policy document: what is wrong with it in words, and its name and content for programs. */
import type { z } from "zod";
import { canonicalJson, contentHash } from "./canonical.js";
import { apiVersion } from "./kind.js";
import { isKindName, kinds, type PolicyDocument } from "./kinds.js";

/** `Kind/name`: what a document is called everywhere. */
export function documentKey({ kind, name }: { readonly kind: string; readonly name: string }): string {
  return `${kind}/${name}`;
}

/** A document as it is stored: canonical JSON. */
export function documentText(document: PolicyDocument): string {
  return canonicalJson(document);
}

/** The hash by which a document is stored: equal documents have equal ones, however they were written. */
export function documentHash(document: PolicyDocument): string {
  return contentHash(documentText(document));
}

/** What is wrong at one place of a document: `path` leads there, and `message` says the fix too. */
export interface Flaw {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** Reads one plain value as a document. Returns it, or everything that is wrong. */
export function readDocument(value: unknown): { readonly document: PolicyDocument } | { readonly flaws: readonly Flaw[] } {
  const flaw = (path: string[], message: string) => ({ flaws: [{ path, message }] });
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return flaw([], `${quoted(value)} is no document. Write apiVersion: ${apiVersion}, kind, name and the kind's own fields`);
  const { apiVersion: version, kind } = value as Record<string, unknown>;
  if (version !== apiVersion)
    return flaw(["apiVersion"], `${version === undefined ? "is missing" : `${quoted(version)} is not known`}. Write ${apiVersion}`);
  const known = Object.keys(kinds).join(", ");
  if (typeof kind !== "string") return flaw(["kind"], `${kind === undefined ? "is missing" : `${quoted(kind)} is no kind`}. Use ${known}`);
  if (!isKindName(kind)) return flaw(["kind"], `${quoted(kind)} is no kind of policy. Use ${known}`);
  const read = kinds[kind].schema.safeParse(value, { reportInput: true });
  return read.success ? { document: read.data } : { flaws: read.error.issues.flatMap(explain) };
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

function quoted(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** A path inside a document as people write it: `approvals.keys[2]`. */
export function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, step) => (typeof step === "number" ? `${text}[${step}]` : `${text}${text && "."}${String(step)}`), "");
}
