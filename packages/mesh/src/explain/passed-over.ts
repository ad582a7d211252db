/** Why a route does not take a request, in words: the first of its conditions that the request does not meet. */
import type { RouteMatch } from "@legation/envoy-api/envoy/config/route/v3/route_components";
import { matchesHeader } from "../routing/header-match.js";
import { matchesPath } from "../routing/path-match.js";
import { headerOf, plainPath, queryOf, type RoutedRequest } from "../routing/request.js";
import { shareTaken } from "../routing/route-match.js";
import { matchesText } from "../routing/text-match.js";
import { isGrpc } from "./reply.js";

/** The words; "" where it takes the request, or draws lots for it. */
export function whyPassedOver(match: RouteMatch | undefined, request: RoutedRequest): string {
  if (!match) return "it has no conditions that could be met";
  if (shareTaken(match, request) > 0) return "";
  if (!matchesPath(match, request)) return `its path is ${pathWords(match)}, and this is ${plainPath(request) || "a CONNECT"}`;
  if (match.grpc && !isGrpc(request)) return "it is for gRPC calls";
  const header = match.headers.find((matcher) => !matchesHeader(matcher, request));
  if (header) {
    const found = headerOf(request, header.name);
    const what = header.name === ":method" ? "its methods do not include" : `header ${header.name}`;
    if (header.name === ":method") return `${what} ${request.method}`;
    return `${what} ${found === undefined ? "is missing" : `is ${JSON.stringify(found)}, and must not be so`}`;
  }
  for (const { name, queryParameterMatchSpecifier: how } of match.queryParameters) {
    const found = queryOf(request, name);
    if (how.case === "stringMatch" && found !== undefined && matchesText(how.value, found)) continue;
    return `query parameter ${name} is ${found === undefined ? "missing" : JSON.stringify(found)}`;
  }
  return "it takes none of such requests";
}

function pathWords({ pathSpecifier: how }: RouteMatch): string {
  switch (how.case) {
    case "path":
      return `exactly ${how.value}`;
    case "prefix":
      return `one that begins with ${how.value}`;
    case "pathSeparatedPrefix":
      return `${how.value} or below it`;
    case "safeRegex":
      return `one that matches ${how.value.regex}`;
    case "pathMatchPolicy":
      return "one of its template";
    default:
      return "none, for CONNECT";
  }
}
