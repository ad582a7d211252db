/** Which requests a rule is for, as Envoy's routes say it. Methods and gRPC are left to the kinds of requests. */
import { create } from "@bufbuild/protobuf";
import { packAny } from "@legation/envoy-api";
import { TypedExtensionConfigSchema } from "@legation/envoy-api/envoy/config/core/v3/extension";
import {
  type HeaderMatcher,
  HeaderMatcherSchema,
  type QueryParameterMatcher,
  QueryParameterMatcherSchema,
  type RouteMatch,
  RouteMatch_GrpcRouteMatchOptionsSchema,
} from "@legation/envoy-api/envoy/config/route/v3/route_components";
import { UriTemplateMatchConfigSchema } from "@legation/envoy-api/envoy/extensions/path/match/uri_template/v3/uri_template_match";
import { RegexMatcherSchema } from "@legation/envoy-api/envoy/type/matcher/v3/regex";
import { Int64RangeSchema } from "@legation/envoy-api/envoy/type/v3/range";
import type { PathMatch } from "../../policy/route/path-match.js";
import type { RuleMatch } from "../../policy/route/rule-match.js";
import type { ValueMatch } from "../../policy/route/value-match.js";
import { stringMatcher } from "../string-matcher.js";
import { methodIs } from "./request-kinds.js";

const templateMatcher = "envoy.path.match.uri_template.uri_template_matcher";

/** The conditions on path, headers and query. */
export function requestMatch({
  path,
  headers,
  query,
}: RuleMatch): Pick<RouteMatch, "pathSpecifier" | "caseSensitive" | "headers" | "queryParameters"> {
  return {
    pathSpecifier: pathSpecifier(path),
    caseSensitive: path.ignoreCase ? false : undefined,
    headers: headers.map(headerMatcher),
    queryParameters: query.map(queryMatcher),
  };
}

function pathSpecifier({ kind, value }: PathMatch): RouteMatch["pathSpecifier"] {
  switch (kind) {
    case "exact":
      return { case: "path", value };
    case "prefix":
      return value === "/" ? { case: "prefix", value } : { case: "pathSeparatedPrefix", value };
    case "regex":
      return { case: "safeRegex", value: create(RegexMatcherSchema, { regex: value }) };
    case "template": {
      const config = create(UriTemplateMatchConfigSchema, { pathTemplate: value });
      const typedConfig = packAny(UriTemplateMatchConfigSchema, config);
      return { case: "pathMatchPolicy", value: create(TypedExtensionConfigSchema, { name: templateMatcher, typedConfig }) };
    }
  }
}

/** The conditions on methods and gRPC, for routes that all kinds of requests take alike. */
export function onlyMethods({ methods, grpc }: RuleMatch): Partial<Pick<RouteMatch, "grpc" | "headers">> {
  if (grpc) return { grpc: create(RouteMatch_GrpcRouteMatchOptionsSchema) };
  return methods.length > 0 ? { headers: [methodIs(methods)] } : {};
}

/** A header, for a rule's match and for what a rule does to some of its requests. A missing one counts as empty where the condition is inverted. */
export function headerMatcher({ name, value, ignoreCase, invert }: ValueMatch): HeaderMatcher {
  const of = (headerMatchSpecifier: HeaderMatcher["headerMatchSpecifier"], treatMissingHeaderAsEmpty: boolean) =>
    create(HeaderMatcherSchema, { name, headerMatchSpecifier, invertMatch: invert, treatMissingHeaderAsEmpty });
  if (value === "present") return of({ case: "presentMatch", value: true }, false);
  if (value.kind !== "range") return of({ case: "stringMatch", value: stringMatcher(value, ignoreCase) }, invert);
  const { from, to } = value;
  const range = create(Int64RangeSchema, { start: BigInt(from), end: BigInt(to) + 1n });
  return of({ case: "rangeMatch", value: range }, invert);
}

function queryMatcher({ name, value, ignoreCase }: ValueMatch): QueryParameterMatcher {
  const text = value === "present" || value.kind === "range" ? undefined : stringMatcher(value, ignoreCase);
  return create(QueryParameterMatcherSchema, {
    name,
    queryParameterMatchSpecifier: text ? { case: "stringMatch", value: text } : { case: "presentMatch", value: true },
  });
}
