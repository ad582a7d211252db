/** What a virtual host makes of a request: its routes, their faults, and where they lead. */
import type { DecidedBy, ExplainedOutcome, ExplainedStep } from "@legation/contract/api";
import type { VirtualHost } from "@legation/envoy-api/envoy/config/route/v3/route_components";
import { undeclared } from "../envoy/routes/outbound.js";
import type { RouteRule } from "../policy/route/rule.js";
import { subsetKey } from "../policy/traffic/subsets/subset-balancing.js";
import { trafficTo } from "../policy/traffic/traffic-policies.js";
import { type Destination, destinationsOf } from "../routing/destination.js";
import type { RoutedRequest } from "../routing/request.js";
import type { Walked } from "./explain.js";
import { faultsOf } from "./faults.js";
import { locationOf, sentPath } from "./new-path.js";
import { localReply } from "./reply.js";
import { type TakenRoute, walkRoutes } from "./route-walk.js";
import { sentHeaders } from "./sent-headers.js";
import { explainWay, percent, type WayAnswer } from "./way.js";
import type { ExplainedWorld } from "./world.js";

/** Walks through the host. */
export function explainHost(world: ExplainedWorld, host: VirtualHost, request: RoutedRequest): Walked {
  const walk = walkRoutes(host, request);
  const step = hostStep(world, host, request);
  const details = [
    ...walk.passedOver.map(({ name, why }) => `${name} is passed over: ${why}`),
    ...walk.shadowed.map((name) => `${name} matches too and is never asked: ${walk.taken.at(-1)?.name ?? "another"} stands before it`),
  ];
  const parts = walk.taken.map((taken) => explainTaken(world, host.name, taken, request));
  const none = walk.left > 1e-9 ? notRouted(request, `no route of ${host.name} takes it`) : undefined;
  const all = [...parts, ...(none ? [none] : [])];
  const [first, ...rest] = all.flatMap(({ steps }) => steps);
  return {
    steps: [step, ...(first ? [{ ...first, details: [...first.details, ...details] }] : []), ...rest],
    ways: all.flatMap(({ ways }) => ways),
    outcomes: [...parts.flatMap(({ outcomes }) => outcomes), ...(none?.outcomes ?? []).map((one) => ({ ...one, share: walk.left }))],
  };
}

/** Nothing takes the request. */
export function notRouted(request: RoutedRequest, why: string): Walked {
  const step: ExplainedStep = { at: "route", name: "none", text: why, details: [], decidedBy: [{ source: "default" }] };
  const outcome: ExplainedOutcome = { share: 1, by: "caller-proxy", ...localReply(request, 404, ""), flags: ["NR"], why };
  return { steps: [step], ways: [], outcomes: [outcome] };
}

function hostStep({ caller: { node } }: ExplainedWorld, { name }: VirtualHost, { host }: RoutedRequest): ExplainedStep {
  const decidedBy: DecidedBy[] = [{ source: "caller" }];
  if (name !== undeclared)
    return { at: "host", name, text: `${host} is the dependency ${name} of ${node.service}`, details: [], decidedBy };
  const declared = node.dependencies.map((one) => one.name).sort();
  const text = `${host} is no declared dependency of ${node.service}: add it to dependencies in the configuration of ${node.service}`;
  return { at: "host", name, text, details: [`declared: ${declared.slice(0, 50).join(", ") || "none"}`], decidedBy };
}

function explainTaken(world: ExplainedWorld, host: string, taken: TakenRoute, request: RoutedRequest): Walked {
  const { route, name } = taken;
  const rule = ruleNamed(world, host, name);
  const own: DecidedBy = rule ? { source: "policy", document: rule.document, path: `rules[${rule.index}]` } : { source: "default" };
  const field = (path: string): DecidedBy => (rule ? { ...own, path: `rules[${rule.index}].${path}` } : own);
  const faults = faultsOf(route, request);
  const passing = faults.filter(({ reply }) => !reply).reduce((sum, { share }) => sum + share, 0);
  const sent: RoutedRequest = { ...request, path: sentPath(route, request), headers: sentHeaders(route, request.headers) };
  const places = destinationsOf(route, request).map(({ share, destination }) => ({
    share,
    destination,
    ...leading(world, destination, taken.share * passing * share, { taken, rule, request, sent }),
  }));
  const steps: ExplainedStep[] = [
    { at: "route", name, text: routeWords(taken, places), details: [], decidedBy: [own] },
    ...faultSteps(name, faults, field("fault")),
    ...(sent.path === request.path ? [] : [step("request", name, `the path becomes ${sent.path}`, field("rewrite"))]),
    ...mirrors(taken).map((text) => step("mirror", name, text, field("mirror"))),
  ];
  return {
    steps,
    ways: places.flatMap(({ way }) => (way ? [way] : [])),
    outcomes: faults.flatMap(({ share, delay, reply }): ExplainedOutcome[] => {
      const late = delay > 0 ? { delayMs: delay } : {};
      const flags = delay > 0 ? ["DI"] : [];
      if (reply)
        return [{ share: taken.share * share, by: "caller-proxy", ...reply, ...late, flags: [...flags, "FI"], why: `a fault of ${name}` }];
      return places.flatMap(({ outcomes }) =>
        outcomes.map((one) => ({ ...one, ...late, share: (one.share * share) / passing, flags: [...one.flags, ...flags] })),
      );
    }),
  };
}

interface Leading {
  readonly taken: TakenRoute;
  readonly rule: RouteRule | undefined;
  readonly request: RoutedRequest;
  readonly sent: RoutedRequest;
}

function leading(
  world: ExplainedWorld,
  to: Destination,
  share: number,
  at: Leading,
): { way?: WayAnswer["way"]; outcomes: readonly ExplainedOutcome[] } {
  const { taken, rule, request, sent } = at;
  if (to.to === "cluster") {
    const subset = to.subset?.[subsetKey];
    return explainWay(world, { service: to.cluster, subset: typeof subset === "string" ? subset : undefined, share, rule, request: sent });
  }
  const by = "caller-proxy" as const;
  if (to.to === "response") {
    // Envoy says of what it "created" where that is.
    const created = to.status === 201 ? { location: `http://${request.host}${request.path}` } : {};
    const why = `${taken.name === "default" ? "the proxy" : taken.name} answers by itself`;
    return { outcomes: [{ share, by, ...localReply(request, to.status, to.body ?? ""), ...created, flags: [], why }] };
  }
  const { action, match } = taken.route;
  const location = action.case === "redirect" ? { location: locationOf(match, action.value, request) } : {};
  return { outcomes: [{ share, by, ...localReply(request, to.status, ""), ...location, flags: [], why: `${taken.name} redirects` }] };
}

function ruleNamed(world: ExplainedWorld, host: string, name: string): RouteRule | undefined {
  const service = world.service(host) ?? { name: host, instances: [] };
  return trafficTo(service, world.traffic).rules.find((rule) => rule.name === name);
}

function routeWords({ share }: TakenRoute, places: readonly { readonly share: number; readonly destination: Destination }[]): string {
  const part = (of: number) => (of < 1 ? `${percent(of)} ` : "");
  const words = places.map(({ share: of, destination: to }) => {
    if (to.to === "response") return `${part(of)}answers ${to.status} by itself`;
    if (to.to === "redirect") return `${part(of)}redirects with ${to.status}`;
    const subset = to.subset?.[subsetKey];
    return `${part(of)}to ${subset === undefined ? "" : `subset ${String(subset)} of `}${to.cluster}`;
  });
  return `${share < 1 ? `takes ${percent(share)} of such requests: ` : ""}${words.join(", ")}`;
}

function step(at: ExplainedStep["at"], name: string, text: string, decidedBy: DecidedBy): ExplainedStep {
  return { at, name, text, details: [], decidedBy: [decidedBy] };
}

function faultSteps(name: string, faults: ReturnType<typeof faultsOf>, decidedBy: DecidedBy): readonly ExplainedStep[] {
  const sum = (of: (one: (typeof faults)[number]) => boolean) => faults.filter(of).reduce((total, { share }) => total + share, 0);
  const late = sum(({ delay }) => delay > 0);
  const refused = faults.find(({ reply }) => reply)?.reply;
  const ms = Math.max(...faults.map(({ delay }) => delay));
  return [
    ...(late > 0 ? [step("fault", name, `${percent(late)} wait ${ms} ms`, decidedBy)] : []),
    ...(refused
      ? [step("fault", name, `${percent(sum(({ reply }) => reply !== undefined))} are refused with ${refused.status}`, decidedBy)]
      : []),
  ];
}

function mirrors({ route: { action } }: TakenRoute): readonly string[] {
  if (action.case !== "route") return [];
  return action.value.requestMirrorPolicies.map(({ cluster, runtimeFraction }) => {
    const share = (runtimeFraction?.defaultValue?.numerator ?? 1_000_000) / 1_000_000;
    return `${percent(share)} are copied to ${cluster}, whose answers nobody gets`;
  });
}
