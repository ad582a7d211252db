/** The routes of one rule: as many as there are kinds of requests that are sent in ways of their own. */
import { create } from "@bufbuild/protobuf";
import {
  RedirectAction_RedirectResponseCode as Code,
  DirectResponseActionSchema,
  type RedirectAction,
  RedirectActionSchema,
  type Route,
  type RouteAction,
  RouteAction_RequestMirrorPolicySchema,
  RouteActionSchema,
  RouteMatchSchema,
  RouteSchema,
  WeightedClusterSchema,
} from "@legation/envoy-api/envoy/config/route/v3/route_components";
import type { Redirect, Respond } from "../../policy/route/answer.js";
import type { Destination } from "../../policy/route/destination.js";
import type { Mirror } from "../../policy/route/mirror.js";
import type { Forward, RouteRule } from "../../policy/route/rule.js";
import type { CallKind } from "../../policy/traffic/retries/retry-policy.js";
import type { TrafficSettings } from "../../policy/traffic/settings.js";
import { subsetMatch } from "../../policy/traffic/subsets/subset-balancing.js";
import { fraction, routeFault } from "../fault-filter.js";
import { callFields } from "./call-fields.js";
import { headerFields } from "./header-edits.js";
import { envoyPathRewrite } from "./path-rewrite.js";
import { requestKinds } from "./request-kinds.js";
import { onlyMethods, requestMatch } from "./request-match.js";

/**
 * The routes, which stand together: the first of them that matches holds, and a request that the rule matches is matched by one. `host` are
 * the settings of the service itself.
 */
export function ruleRoutes(rule: RouteRule, host: TrafficSettings): readonly Route[] {
  const { action } = rule;
  if (action.kind === "forward")
    return requestKinds(rule.match).map(({ kind, match }) =>
      route(rule, match, { case: "route", value: routeAction(rule, action, kind, host) }),
    );
  return [route(rule, onlyMethods(rule.match), answer(rule, action))];
}

function route(rule: RouteRule, only: ReturnType<typeof onlyMethods>, action: Route["action"]): Route {
  const match = requestMatch(rule.match);
  return create(RouteSchema, {
    name: rule.name,
    match: create(RouteMatchSchema, { ...match, ...only, headers: [...match.headers, ...(only.headers ?? [])] }),
    action,
    ...headerFields(rule.headers),
    typedPerFilterConfig: routeFault(rule.fault),
    statPrefix: rule.name,
  });
}

function routeAction(rule: RouteRule, { to, rewrite, mirror }: Forward, kind: CallKind, host: TrafficSettings): RouteAction {
  return create(RouteActionSchema, {
    clusterSpecifier: clusterSpecifier(to),
    ...envoyPathRewrite(rewrite?.path, rule.match.path),
    ...(rewrite?.host === undefined ? {} : { hostRewriteSpecifier: { case: "hostRewriteLiteral", value: rewrite.host } }),
    ...(mirror ? { requestMirrorPolicies: [mirrorPolicy(mirror)] } : {}),
    ...callFields(kind, rule.settings, host),
  });
}

/** One cluster, or several by weight. */
function clusterSpecifier(to: readonly Destination[]): RouteAction["clusterSpecifier"] {
  const [only] = to;
  if (only && to.length === 1 && only.subset === undefined) return { case: "cluster", value: only.service };
  const clusters = to.map(({ service, subset, weight }) => ({
    name: service,
    weight,
    ...(subset === undefined ? {} : { metadataMatch: subsetMatch(subset) }),
  }));
  return { case: "weightedClusters", value: create(WeightedClusterSchema, { clusters }) };
}

/** The copy has the host of the request itself: applications that go by it must not see another one. */
function mirrorPolicy({ service, share }: Mirror) {
  const runtimeFraction = { defaultValue: fraction(share) };
  return create(RouteAction_RequestMirrorPolicySchema, { cluster: service, runtimeFraction, disableShadowHostSuffixAppend: true });
}

function answer({ match }: RouteRule, action: ({ kind: "redirect" } & Redirect) | ({ kind: "respond" } & Respond)): Route["action"] {
  if (action.kind === "redirect") return { case: "redirect", value: redirectAction(action, match.path) };
  const { status, body } = action;
  const text = body === "" ? {} : { body: { specifier: { case: "inlineString", value: body } as const } };
  return { case: "directResponse", value: create(DirectResponseActionSchema, { status, ...text }) };
}

const codes = {
  301: Code.MOVED_PERMANENTLY,
  302: Code.FOUND,
  303: Code.SEE_OTHER,
  307: Code.TEMPORARY_REDIRECT,
  308: Code.PERMANENT_REDIRECT,
} as const;

function redirectAction(to: Redirect, match: RouteRule["match"]["path"]): RedirectAction {
  const { prefixRewrite, regexRewrite } = envoyPathRewrite(to.path, match);
  const path: RedirectAction["pathRewriteSpecifier"] =
    to.path?.kind === "path"
      ? { case: "pathRedirect", value: to.path.value }
      : regexRewrite
        ? { case: "regexRewrite", value: regexRewrite }
        : prefixRewrite === undefined
          ? { case: undefined }
          : { case: "prefixRewrite", value: prefixRewrite };
  return create(RedirectActionSchema, {
    ...(to.scheme === undefined ? {} : { schemeRewriteSpecifier: { case: "schemeRedirect", value: to.scheme } }),
    hostRedirect: to.host ?? "",
    portRedirect: to.port ?? 0,
    pathRewriteSpecifier: path,
    responseCode: codes[to.status],
    stripQuery: to.stripQuery,
  });
}
