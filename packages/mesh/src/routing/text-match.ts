/** How one text is matched: Envoy's StringMatcher. */
import type { StringMatcher } from "@legation/envoy-api/envoy/type/matcher/v3/string";
import { matchesPattern } from "../authorization/pattern.js";

/** True when the text matches. A custom matcher, which the mesh never writes, matches nothing. */
export function matchesText({ matchPattern, ignoreCase }: StringMatcher, text: string): boolean {
  const fold = (value: string) => (ignoreCase ? value.toLowerCase() : value);
  switch (matchPattern.case) {
    case "exact":
      return fold(text) === fold(matchPattern.value);
    case "prefix":
      return fold(text).startsWith(fold(matchPattern.value));
    case "suffix":
      return fold(text).endsWith(fold(matchPattern.value));
    case "contains":
      return fold(text).includes(fold(matchPattern.value));
    case "safeRegex":
      return matchesPattern(matchPattern.value.regex, text);
    default:
      return false;
  }
}
