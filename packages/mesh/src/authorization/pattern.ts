/** Regular expressions as Envoy's RE2 takes them: what it would refuse must not reach it, because it refuses the whole listener. */
import { RE2JS } from "re2js";

/**
 * Instructions of a compiled expression at most. Envoy counts bytes where this counts characters; its limit is 100 by default until its bootstrap says
 * otherwise (`re2.max_program_size.error_level`).
 */
export const largestPattern = 2_000;

const compiled = new Map<string, RE2JS | string>();

/** Compiled expressions kept; all are forgotten when there are more. */
const patternsKept = 10_000;

/** Why Envoy would refuse an expression, or undefined when it takes it. */
export function patternProblem(pattern: string): string | undefined {
  const result = compile(pattern);
  return typeof result === "string" ? result : undefined;
}

/** The groups of an expression; 0 of one that Envoy would refuse. */
export function patternGroups(pattern: string): number {
  const result = compile(pattern);
  return typeof result === "string" ? 0 : result.groupCount();
}

/** True when the expression matches the whole text. One that Envoy would refuse matches nothing. */
export function matchesPattern(pattern: string, text: string): boolean {
  const result = compile(pattern);
  return typeof result !== "string" && result.testExact(text);
}

function compile(pattern: string): RE2JS | string {
  const known = compiled.get(pattern);
  if (known !== undefined) return known;
  if (compiled.size >= patternsKept) compiled.clear();
  const result = compileAnew(pattern);
  compiled.set(pattern, result);
  return result;
}

function compileAnew(pattern: string): RE2JS | string {
  try {
    const expression = RE2JS.compile(pattern);
    if (expression.programSize() <= largestPattern) return expression;
    return `a regular expression that begins with ${JSON.stringify(pattern.slice(0, 40))} is too large: write several smaller ones`;
  } catch (error) {
    return `${JSON.stringify(pattern)} is no RE2 expression: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** The text with everything replaced that the expression matches; `\1` in the substitution is its first group, `\\` a backslash. As RE2's GlobalReplace. */
export function replacePattern(pattern: string, substitution: string, text: string): string {
  const result = compile(pattern);
  if (typeof result === "string") return text;
  const matcher = result.matcher(text);
  let replaced = "";
  let from = 0;
  while (matcher.find()) {
    replaced += text.slice(from, matcher.start());
    replaced += substitution.replace(/\\([0-9\\])/g, (_, sign: string) => (sign === "\\" ? sign : (matcher.group(Number(sign)) ?? "")));
    from = matcher.end();
  }
  return replaced + text.slice(from);
}

/** What the groups of the expression hold where it matches the whole text, by their places from 1; undefined where it does not. */
export function groupsIn(pattern: string, text: string): readonly string[] | undefined {
  const result = compile(pattern);
  if (typeof result === "string") return undefined;
  const matcher = result.matcher(text);
  if (!matcher.matches()) return undefined;
  return Array.from({ length: matcher.groupCount() }, (_, i) => matcher.group(i + 1) ?? "");
}
