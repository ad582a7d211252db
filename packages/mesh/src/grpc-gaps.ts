/** What of the policies of a service the clients of gRPC do not follow, where an application calls it without an Envoy: in words. */
import type { Callee } from "./callee.js";
import { grpcMatch } from "./envoy/routes/grpc-match.js";
import type { RouteRule } from "./policy/route/rule.js";
import { unsupportedByGrpc } from "./policy/traffic/grpc.js";

/** The gaps of the service's settings, and of those of its rules that gRPC calls can meet. */
export function grpcGaps({ settings, rules }: Pick<Callee, "settings" | "rules">): readonly string[] {
  const own = unsupportedByGrpc(settings);
  const met = rules.filter(({ match }) => grpcMatch(match) !== undefined);
  return [...own, ...met.flatMap((rule) => [...actionGaps(rule), ...unsupportedByGrpc(rule.settings).filter((gap) => !own.includes(gap))])];
}

/** Whatever a rule does beside sending requests somewhere, these clients do not. */
function actionGaps({ name, action }: RouteRule): readonly string[] {
  const { kind, to: _, ...more } = action;
  if (kind !== "forward")
    return [`gRPC clients without an Envoy do not follow ${name}, and call as if it were not there: they know no ${kind}`];
  return Object.entries(more).flatMap(([what, value]) =>
    isNothing(value) ? [] : [`gRPC clients without an Envoy do not follow ${what} of ${name}: they know routing and weights alone`],
  );
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === false || (typeof value === "object" && value !== null && Object.keys(value).length === 0);
}
