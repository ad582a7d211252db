/** How a word is compared, for Envoy. */
import { create } from "@bufbuild/protobuf";
import { type StringMatcher, StringMatcherSchema } from "@legation/envoy-api/envoy/type/matcher/v3/string";
import type { TextMatch } from "../authorization/intention.js";

/** The comparison. Envoy knows the case of ASCII letters only, and that of a `regex` is its own. */
export function stringMatcher({ kind, value }: TextMatch, ignoreCase: boolean): StringMatcher {
  if (kind === "regex") return create(StringMatcherSchema, { matchPattern: { case: "safeRegex", value: { regex: value } } });
  return create(StringMatcherSchema, { matchPattern: { case: kind, value }, ignoreCase });
}
