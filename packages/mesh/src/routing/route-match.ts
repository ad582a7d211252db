/** Whether a route is for a request: Envoy's RouteMatch. */
import type { RouteMatch } from "@legation/envoy-api/envoy/config/route/v3/route_components";
import { FractionalPercent_DenominatorType as Denominator } from "@legation/envoy-api/envoy/type/v3/percent";
import { matchesHeader } from "./header-match.js";
import { matchesPath } from "./path-match.js";
import { headerOf, queryOf, type RoutedRequest } from "./request.js";
import { matchesText } from "./text-match.js";

/** The share of such requests that the route takes, from 0 to 1: less than 1 only where it draws lots. */
export function shareTaken(match: RouteMatch | undefined, request: RoutedRequest): number {
  if (!match) return 0;
  const { headers, queryParameters, grpc } = match;
  const taken =
    matchesPath(match, request) &&
    (!grpc || isGrpc(request)) &&
    headers.every((matcher) => matchesHeader(matcher, request)) &&
    queryParameters.every(({ name, queryParameterMatchSpecifier: how }) => {
      const found = queryOf(request, name);
      if (how.case === "stringMatch") return found !== undefined && matchesText(how.value, found);
      return (found !== undefined) === (how.value ?? true);
    });
  return taken ? fractionOf(match) : 0;
}

function isGrpc(request: RoutedRequest): boolean {
  return /^application\/grpc(?:\+|$)/.test(headerOf(request, "content-type") ?? "");
}

function fractionOf({ runtimeFraction }: RouteMatch): number {
  const fraction = runtimeFraction?.defaultValue;
  if (!fraction) return 1;
  const of =
    { [Denominator.HUNDRED]: 100, [Denominator.TEN_THOUSAND]: 10_000, [Denominator.MILLION]: 1_000_000 }[fraction.denominator] ?? 100;
  return Math.min(1, fraction.numerator / of);
}
