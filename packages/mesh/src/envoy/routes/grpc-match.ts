/** Which gRPC calls a rule is for, as gRPC's own clients take it: a call is a POST of `/package.Service/Method` without a query. */
import { create } from "@bufbuild/protobuf";
import { type RouteMatch, RouteMatchSchema } from "@legation/envoy-api/envoy/config/route/v3/route_components";
import { RegexMatcherSchema } from "@legation/envoy-api/envoy/type/matcher/v3/regex";
import type { PathMatch } from "../../policy/route/path-match.js";
import type { RuleMatch } from "../../policy/route/rule-match.js";
import { templateExpression } from "../../policy/route/uri-template.js";
import type { ValueMatch } from "../../policy/route/value-match.js";
import { headerMatcher } from "./request-match.js";

/** The match, or undefined where no gRPC call can meet all conditions: the rule is for other requests. */
export function grpcMatch({ path, methods, headers, query }: RuleMatch): RouteMatch | undefined {
  if (query.length > 0 || (methods.length > 0 && !methods.includes("POST"))) return undefined;
  const specifier = pathSpecifier(path);
  const possible = headers.filter(({ name }) => metadataName.test(name));
  if (!specifier || headers.some((header) => !possible.includes(header) && !header.invert)) return undefined;
  return create(RouteMatchSchema, { pathSpecifier: specifier, ...caseOf(path), headers: possible.map(grpcHeader) });
}

/** What a call's metadata can be named; no call has a header of another name, and some clients fail when they are asked for one. */
const metadataName = /^[0-9a-z_.-]+$/;

function caseOf({ ignoreCase }: PathMatch) {
  return ignoreCase ? { caseSensitive: false } : {};
}

/** A prefix in whole segments is that of a service, or the whole of a method: these clients know no other. */
function pathSpecifier({ kind, value }: PathMatch): RouteMatch["pathSpecifier"] | undefined {
  switch (kind) {
    case "exact":
      return { case: "path", value };
    case "prefix": {
      if (value === "/") return { case: "prefix", value: "" };
      const segments = value.split("/").length - 1;
      if (segments === 1) return { case: "prefix", value: `${value}/` };
      return segments === 2 ? { case: "path", value } : undefined;
    }
    case "template":
      return whole(templateExpression(value));
    case "regex":
      return whole(value);
  }
}

/** In a group: some clients put ^ and $ around the expression as it is, so that `a|b` would match more. */
function whole(regex: string): RouteMatch["pathSpecifier"] {
  return { case: "safeRegex", value: create(RegexMatcherSchema, { regex: `(?:${regex})` }) };
}

function grpcHeader(condition: ValueMatch) {
  const { value } = condition;
  return headerMatcher(
    typeof value === "object" && value.kind === "regex" ? { ...condition, value: { ...value, value: `(?:${value.value})` } } : condition,
  );
}
