/** Holds `ERRORS.md` against the codes that the sources use. */
import { expect, test } from "vitest";
import { headings, type Source, sources } from "./sources.js";

const isCode = /^[a-z]+(?:[.-][a-z]+)*$/;
/** Classes whose first argument is a sentence. */
const withoutCode = new Set(["Error", "TypeError", "RangeError", "AggregateError", "ConfigError"]);

function literals(expression: string): string[] {
  return [...expression.matchAll(/"([^"]*)"/g)].flatMap(([, text = ""]) => (isCode.test(text) ? text : []));
}

/** The codes that a source gives to errors, refusals, problems and findings; constants by their names. */
function codesIn({ text }: Source, constants: ReadonlyMap<string, string>): string[] {
  const given = [
    ...[...text.matchAll(/new (\w*(?:Error|Refusal))\(\s*([^,]+),/g)].flatMap(([, name = "", code = ""]) =>
      withoutCode.has(name) ? [] : code,
    ),
    ...[...text.matchAll(/sendProblem\(\s*\w+,\s*[^,]+,\s*([^,]+),/g)].map(([, code = ""]) => code),
    ...[...text.matchAll(/\b\w*[cC]odes: Readonly<Record<number, string>> = \{([^}]*)\}/g)].map(([, codes = ""]) => codes),
    ...[...text.matchAll(/\bcode: ([^,;}\n]+)/g)].map(([, code = ""]) => code),
    ...[...text.matchAll(/\[\s*("listen[^"]*"),/g)].map(([, code = ""]) => code),
    ...[...text.matchAll(/\bfinding\(\s*([^,]+),/g)].map(([, code = ""]) => code),
    ...[...text.matchAll(/type \w*(?:Error|Finding|Problem)Code =([^;]+);/g)].map(([, codes = ""]) => codes),
  ];
  const named = given.flatMap((expression) => constants.get(expression.trim()) ?? []);
  return [...given.flatMap(literals), ...named];
}

test("every code has its paragraph, and every paragraph its code", () => {
  const all = sources();
  const constants = new Map(
    all.flatMap(({ text }) => [...text.matchAll(/const (\w+) = "([a-z.-]+)";/g)].map(([, name = "", code = ""]) => [name, code] as const)),
  );
  const used = new Map<string, string>();
  for (const source of all) for (const code of codesIn(source, constants)) if (!notErrors.has(code)) used.set(code, source.path);
  // Bad patterns would find nothing, and nothing would be missing.
  expect(used.size).toBeGreaterThan(80);
  const written = headings("packages/control-plane/ERRORS.md");
  expect(
    [...used].filter(([code]) => !written.includes(code)).map(([code, path]) => `${code} of ${path}`),
    "without a paragraph",
  ).toEqual([]);
  expect(
    written.filter((code) => !used.has(code)),
    "paragraphs without a code",
  ).toEqual([]);
  expect(written).toHaveLength(new Set(written).size);
});

/** Strings that stand where a code may: names of types, and kinds of zod's flaws. */
const notErrors = new Set(["code", "custom"]);
