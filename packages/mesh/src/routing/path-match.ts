/** How the path is matched: Envoy's path specifiers. */
import { unpackAny } from "@legation/envoy-api";
import type { RouteMatch } from "@legation/envoy-api/envoy/config/route/v3/route_components";
import { UriTemplateMatchConfigSchema } from "@legation/envoy-api/envoy/extensions/path/match/uri_template/v3/uri_template_match";
import { matchesPattern } from "../authorization/pattern.js";
import { matchesTemplate } from "./path-template.js";
import { plainPath, type RoutedRequest } from "./request.js";

/** True when the path matches. A request without one, which is a CONNECT, matches only what asks for CONNECT. */
export function matchesPath({ pathSpecifier: how, caseSensitive = true }: RouteMatch, request: RoutedRequest): boolean {
  if (how.case === "connectMatcher") return request.method === "CONNECT";
  if (request.path === "") return false;
  const fold = (value: string) => (caseSensitive ? value : value.toLowerCase());
  const path = plainPath(request);
  switch (how.case) {
    case "prefix":
      return fold(path).startsWith(fold(how.value));
    case "path":
      return fold(path) === fold(how.value);
    case "pathSeparatedPrefix":
      return fold(path) === fold(how.value) || fold(path).startsWith(`${fold(how.value)}/`);
    case "safeRegex":
      return matchesPattern(how.value.regex, path);
    case "pathMatchPolicy":
      return how.value.typedConfig !== undefined && matchesTemplate(templateOf(how.value.typedConfig), path);
    default:
      return false;
  }
}

function templateOf(config: Parameters<typeof unpackAny>[1]): string {
  return unpackAny(UriTemplateMatchConfigSchema, config).pathTemplate;
}
