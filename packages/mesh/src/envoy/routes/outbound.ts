/** The routes from an application to what it depends on: a virtual host per dependency, and one that refuses the rest in words. */
import { create } from "@bufbuild/protobuf";
import { type RouteConfiguration, RouteConfigurationSchema } from "@legation/envoy-api/envoy/config/route/v3/route";
import { type Route, RouteSchema, type VirtualHost, VirtualHostSchema } from "@legation/envoy-api/envoy/config/route/v3/route_components";
import type { RouteRule } from "../../policy/route/rule.js";
import { failureHeader, retryPolicy } from "../../policy/traffic/retries/retry-policy.js";
import type { TrafficSettings } from "../../policy/traffic/settings.js";
import { callFields } from "./call-fields.js";
import { requestKinds } from "./request-kinds.js";
import { ruleRoutes } from "./rule-routes.js";

/** The name of a sidecar's outbound route configuration and listener. */
export const outbound = "outbound";

/** The outbound routes of a service: a virtual host for each of its dependencies, in the order given, and one that refuses the rest. */
export function outboundRoutes(service: string, dependencies: readonly VirtualHost[]): RouteConfiguration {
  return create(RouteConfigurationSchema, {
    name: outbound,
    virtualHosts: [
      ...dependencies,
      catchAll(
        service,
        dependencies.map(({ name }) => name),
      ),
    ],
    responseHeadersToRemove: [failureHeader],
  });
}

/**
 * The virtual host of a service, whose name is a DNS label: the same for all of its callers. It depends on the name, on whether the service
 * speaks HTTP at all, and on policies, so that no change of a service's endpoints changes the routes of its callers.
 */
export function virtualHost(name: string, tcp: boolean, settings: TrafficSettings, rules: readonly RouteRule[]): VirtualHost {
  const domains = [name, `${name}.mesh`, `${name}.service.consul`];
  if (tcp) {
    const mend = `give it a local port in its caller's configuration, dependencies: [{name: ${name}, localPort: 15432}], and connect there`;
    const body = `legation: ${name} speaks tcp, so that it cannot be reached over HTTP: ${mend}\n`;
    return create(VirtualHostSchema, { name, domains, routes: [connectRefusal(), refusal(502, body)] });
  }
  return create(VirtualHostSchema, {
    name,
    domains,
    routes: [connectRefusal(), ...rules.flatMap((rule) => ruleRoutes(rule, settings)), ...serviceRoutes(name, settings)],
    retryPolicy: retryPolicy(settings, "other"),
  });
}

/** Where requests go that no rule matches: to the service. */
function serviceRoutes(name: string, settings: TrafficSettings): Route[] {
  return requestKinds({ methods: [], grpc: false }).map(({ kind, match }) =>
    create(RouteSchema, {
      match: { pathSpecifier: { case: "prefix", value: "/" }, ...match },
      action: {
        case: "route",
        value: { clusterSpecifier: { case: "cluster", value: name }, ...callFields(kind, settings, settings) },
      },
    }),
  );
}

/** The name of the virtual host that refuses the rest: no DNS label, so that no service's virtual host can have it too. */
export const undeclared = "outbound:undeclared";

/** The most names that a refusal lists: Envoy refuses routes with a body of more than 4096 bytes. */
const mostNamed = 20;

function catchAll(service: string, dependencies: readonly string[]): VirtualHost {
  const more = dependencies.length > mostNamed ? ` and ${dependencies.length - mostNamed} more` : "";
  const names = `${dependencies.slice(0, mostNamed).join(", ") || "none"}${more}`;
  const body = `legation: no dependency of this name is declared by ${service}: add it to dependencies in the configuration of ${service}. Declared: ${names}\n`;
  return create(VirtualHostSchema, { name: undeclared, domains: ["*"], routes: [connectRefusal(), refusal(502, body)] });
}

function refusal(status: number, body: string): Route {
  return create(RouteSchema, {
    match: { pathSpecifier: { case: "prefix", value: "/" } },
    action: { case: "directResponse", value: { status, body: { specifier: { case: "inlineString", value: body } } } },
  });
}

function connectRefusal(): Route {
  const body = "legation: CONNECT is not served here: send plain http:// requests through this proxy\n";
  return create(RouteSchema, {
    match: { pathSpecifier: { case: "connectMatcher", value: {} } },
    action: { case: "directResponse", value: { status: 405, body: { specifier: { case: "inlineString", value: body } } } },
  });
}
