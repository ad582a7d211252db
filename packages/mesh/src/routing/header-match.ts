/** How a header is matched: Envoy's HeaderMatcher. */
import type { HeaderMatcher } from "@legation/envoy-api/envoy/config/route/v3/route_components";
import { matchesPattern } from "../authorization/pattern.js";
import { headerOf, type RoutedRequest } from "./request.js";
import { matchesText } from "./text-match.js";

/** True when the request's header matches. A missing one matches only what asks for its absence, or where it counts as empty. */
export function matchesHeader(matcher: HeaderMatcher, request: RoutedRequest): boolean {
  const { name, headerMatchSpecifier: how, invertMatch, treatMissingHeaderAsEmpty } = matcher;
  const found = headerOf(request, name);
  if (how.case === undefined || how.case === "presentMatch") {
    const present = found !== undefined || treatMissingHeaderAsEmpty;
    return (present === (how.value ?? true)) !== invertMatch;
  }
  if (found === undefined && !treatMissingHeaderAsEmpty) return false;
  return matchesValue(how, found ?? "") !== invertMatch;
}

function matchesValue(how: Exclude<HeaderMatcher["headerMatchSpecifier"], { case: undefined }>, value: string): boolean {
  switch (how.case) {
    case "stringMatch":
      return matchesText(how.value, value);
    case "exactMatch":
      return value === how.value;
    case "prefixMatch":
      return value.startsWith(how.value);
    case "suffixMatch":
      return value.endsWith(how.value);
    case "containsMatch":
      return value.includes(how.value);
    case "safeRegexMatch":
      return matchesPattern(how.value.regex, value);
    case "rangeMatch":
      return /^[+-]?\d{1,18}$/.test(value.trim()) && BigInt(value.trim()) >= how.value.start && BigInt(value.trim()) < how.value.end;
    default:
      return false;
  }
}
