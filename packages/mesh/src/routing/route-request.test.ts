/** A real Envoy and `routeRequest`, given the same random routes and requests, answer with the same route. */
import { Agent, request } from "node:http";
import { create, type JsonObject } from "@bufbuild/protobuf";
import type { NodeMetadata } from "@legation/contract";
import { packAny, toJson } from "@legation/envoy-api";
import { TypedExtensionConfigSchema } from "@legation/envoy-api/envoy/config/core/v3/extension";
import { type RouteConfiguration, RouteConfigurationSchema } from "@legation/envoy-api/envoy/config/route/v3/route";
import {
  type HeaderMatcher,
  HeaderMatcherSchema,
  type QueryParameterMatcher,
  QueryParameterMatcherSchema,
  type RouteMatch,
  RouteMatchSchema,
  RouteSchema,
  VirtualHostSchema,
} from "@legation/envoy-api/envoy/config/route/v3/route_components";
import {
  type UriTemplateMatchConfig,
  UriTemplateMatchConfigSchema,
} from "@legation/envoy-api/envoy/extensions/path/match/uri_template/v3/uri_template_match";
import { RegexMatcherSchema } from "@legation/envoy-api/envoy/type/matcher/v3/regex";
import { type StringMatcher, StringMatcherSchema } from "@legation/envoy-api/envoy/type/matcher/v3/string";
import { Int64RangeSchema } from "@legation/envoy-api/envoy/type/v3/range";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { compileNode } from "../compile-node.js";
import { noTraffic } from "../policy/traffic/traffic-policies.js";
import { type RunningEnvoy, startEnvoy } from "../proof/envoy.js";
import { resourceJson } from "../proof/golden-case.js";
import type { RoutedRequest } from "./request.js";
import { routeRequest, waysText } from "./route-request.js";

const word = fc.constantFrom("a", "b", "ab", "A", "x.y", "1", "12");
const path = fc
  .tuple(fc.array(word, { maxLength: 3 }), fc.constantFrom("", "/"))
  .map(([words, end]) => `/${words.join("/")}${words.length > 0 ? end : ""}`);
const regex = fc.constantFrom("/a.*", "/(a|b)/.+", "/[^/]+", "/\\d+", "/(?i)A(/.*)?", ".*", "a?b", "\\d{1,2}", "a|1");
const template = fc.constantFrom("/a/*", "/{x}/b", "/**", "/a/**", "/{x=a/*}/**", "/a/{x}/*", "/{x}.y", "/{y=**}");
const text: fc.Arbitrary<StringMatcher> = fc
  .tuple(fc.constantFrom("exact", "prefix", "suffix", "contains", "safeRegex"), word, regex, fc.boolean())
  .map(([how, value, expression, ignoreCase]) =>
    how === "safeRegex"
      ? create(StringMatcherSchema, { matchPattern: { case: how, value: { regex: expression } } })
      : create(StringMatcherSchema, { matchPattern: { case: how as "exact", value }, ignoreCase }),
  );
const headerName = fc.constantFrom("x-one", "x-two", ":method", "content-type");
const header: fc.Arbitrary<HeaderMatcher> = fc
  .record({
    name: headerName,
    headerMatchSpecifier: fc.oneof(
      text.map((value) => ({ case: "stringMatch" as const, value })),
      fc.boolean().map((value) => ({ case: "presentMatch" as const, value })),
      fc.constant({ case: "rangeMatch" as const, value: create(Int64RangeSchema, { start: 1n, end: 12n }) }),
    ),
    invertMatch: fc.boolean(),
    treatMissingHeaderAsEmpty: fc.boolean(),
  })
  .map((matcher) => create(HeaderMatcherSchema, matcher));
const query: fc.Arbitrary<QueryParameterMatcher> = fc
  .record({
    name: fc.constantFrom("q", "r"),
    queryParameterMatchSpecifier: fc.oneof(
      text.map((value) => ({ case: "stringMatch" as const, value })),
      fc.boolean().map((value) => ({ case: "presentMatch" as const, value })),
    ),
  })
  .map((matcher) => create(QueryParameterMatcherSchema, matcher));
const pathSpecifier: fc.Arbitrary<RouteMatch["pathSpecifier"]> = fc.oneof(
  path.map((value) => ({ case: "prefix" as const, value })),
  path.map((value) => ({ case: "path" as const, value })),
  path.filter((value) => !value.endsWith("/")).map((value) => ({ case: "pathSeparatedPrefix" as const, value })),
  regex.map((value) => ({ case: "safeRegex" as const, value: create(RegexMatcherSchema, { regex: value }) })),
  template.map((pathTemplate) => {
    const typedConfig = packAny(
      UriTemplateMatchConfigSchema,
      create(UriTemplateMatchConfigSchema, { pathTemplate }) as UriTemplateMatchConfig,
    );
    return {
      case: "pathMatchPolicy" as const,
      value: create(TypedExtensionConfigSchema, { name: "envoy.path.match.uri_template.uri_template_matcher", typedConfig }),
    };
  }),
);
const match: fc.Arbitrary<RouteMatch> = fc
  .record({
    pathSpecifier,
    caseSensitive: fc.boolean(),
    headers: fc.oneof({ weight: 2, arbitrary: fc.constant<HeaderMatcher[]>([]) }, fc.array(header, { maxLength: 2 })),
    queryParameters: fc.oneof({ weight: 3, arbitrary: fc.constant<QueryParameterMatcher[]>([]) }, fc.array(query, { maxLength: 1 })),
    grpc: fc.oneof({ weight: 6, arbitrary: fc.constant(undefined) }, fc.constant({})),
  })
  .map(({ grpc, caseSensitive, ...rest }) => {
    const folds = rest.pathSpecifier?.case !== "safeRegex" && rest.pathSpecifier?.case !== "pathMatchPolicy";
    return create(RouteMatchSchema, { ...rest, ...(folds ? { caseSensitive } : {}), ...(grpc ? { grpc } : {}) });
  });

const label = fc.constantFrom("a", "b", "c", "ab", "mesh");
const domain = fc.oneof(
  fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join(".")),
  fc.array(label, { minLength: 1, maxLength: 2 }).map((labels) => `*.${labels.join(".")}`),
  fc.array(label, { minLength: 1, maxLength: 2 }).map((labels) => `${labels.join(".")}.*`),
  fc.constant("*"),
  fc.constant("*b"),
);
const hosts = fc.tuple(
  fc.uniqueArray(domain, { minLength: 3, maxLength: 12 }),
  fc.array(fc.array(match, { minLength: 1, maxLength: 5 }), { minLength: 12, maxLength: 12 }),
);
const anyRequest: fc.Arbitrary<RoutedRequest> = fc
  .record({
    method: fc.constantFrom("GET", "POST", "DELETE"),
    host: fc
      .tuple(fc.array(label, { minLength: 1, maxLength: 3 }), fc.constantFrom("", ":80"))
      .map(([labels, port]) => labels.join(".") + port),
    path: fc.tuple(path, fc.constantFrom("", "?", "?q=a", "?q=ab&r", "?r=1&q=A", "?q=12&q=b", "?Q=a")).map((parts) => parts.join("")),
    headers: fc.dictionary(fc.constantFrom("x-one", "x-two"), fc.oneof(word, fc.constantFrom("0", "-1", "5", "")), { maxKeys: 2 }),
    type: fc.constantFrom(undefined, undefined, "application/grpc", "application/grpc+proto", "application/grpcx", "text/html"),
  })
  .map(({ type, headers, ...rest }) => ({ ...rest, headers: { ...headers, ...(type ? { "content-type": type } : {}) } }));

/** Each route answers with its own name; `round` is what the routes as a whole are known by. */
function configuration(
  [domains, matches]: readonly [readonly string[], readonly (readonly RouteMatch[])[]],
  round: number,
): RouteConfiguration {
  const answer = (body: string) => ({
    case: "directResponse" as const,
    value: { status: 200, body: { specifier: { case: "inlineString" as const, value: body } } },
  });
  const all = { pathSpecifier: { case: "prefix" as const, value: "/" } };
  return create(RouteConfigurationSchema, {
    name: "outbound",
    virtualHosts: [
      create(VirtualHostSchema, { name: "round", domains: ["round.test"], routes: [{ match: all, action: answer(String(round)) }] }),
      ...domains.map((one, i) =>
        create(VirtualHostSchema, {
          name: `h${i}`,
          domains: [one],
          routes: (matches[i] ?? []).map((routeMatch, j) => {
            const name = `h${i}-${j}`;
            const responseHeadersToAdd = [{ header: { key: "x-route", value: name } }];
            return create(RouteSchema, { name, match: routeMatch, action: answer(name), responseHeadersToAdd });
          }),
        }),
      ),
    ],
  });
}

const agent = new Agent({ keepAlive: true, maxSockets: 8 });
let envoy: RunningEnvoy;
let port: number;
let resources: JsonObject[];
let round = 0;

beforeAll(async () => {
  const web: NodeMetadata = {
    ...{ api: 1, service: "web", kind: "sidecar", inbound: "none", app: "none", outbound: "127.0.0.1:15001", protocol: "http" },
    dependencies: [],
  };
  resources = compileNode(web, () => undefined, noTraffic).instance.map(resourceJson);
  envoy = await startEnvoy([...resources, routesJson(configuration([[], []], round))]);
  port = await envoy.port("outbound");
});
afterAll(async () => {
  agent.destroy();
  await envoy.stop();
});

function routesJson(routes: RouteConfiguration): JsonObject {
  return {
    "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
    ...(toJson(RouteConfigurationSchema, routes) as JsonObject),
  };
}

function ask({ method, host, path, headers }: RoutedRequest): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ agent, port, method, path, headers: { ...headers, host } }, async (response) => {
      let body = "";
      for await (const part of response) body += String(part);
      resolve(String(response.headers["x-route"] ?? body));
    })
      .once("error", reject)
      .end();
  });
}

/** The name of the route that Envoy would take; empty where there is none. */
function predicted(routes: RouteConfiguration, asked: RoutedRequest): string {
  const [way, ...others] = routeRequest(routes, asked);
  expect([way?.share, others]).toEqual([1, []]);
  return way?.route ?? "";
}

test("random requests over random routes take the route that a real Envoy takes", { timeout: 120_000 }, async () => {
  const requests = fc.array(anyRequest, { minLength: 60, maxLength: 60 });
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(hosts, requests, async (config, asked) => {
      const routes = configuration(config, ++round);
      envoy.update([...resources, routesJson(routes)]);
      const marker = { method: "GET", host: "round.test", path: "/", headers: {} };
      const limit = Date.now() + 20_000;
      while ((await ask(marker)) !== String(round)) {
        if (Date.now() > limit) throw new Error(`Envoy does not take these routes: ${JSON.stringify(routesJson(routes))}`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      for (const one of asked) {
        const expected = predicted(routes, one);
        if (expected !== "") taken++;
        expect(`${JSON.stringify(one)}: ${await ask(one)}`).toBe(`${JSON.stringify(one)}: ${expected}`);
      }
    }),
    { numRuns: 40 },
  );
  // So that it is routes that are compared: about a quarter of the requests has one.
  expect(taken).toBeGreaterThan(240);
});

test("a split is told with its shares and subsets, and a share of a match leaves the rest to the next route", () => {
  const all = { pathSpecifier: { case: "prefix" as const, value: "/" } };
  const version = (value: string) => ({ filterMetadata: { "envoy.lb": { version: value } } });
  const routes = create(RouteConfigurationSchema, {
    virtualHosts: [
      {
        name: "orders",
        domains: ["orders"],
        routes: [
          {
            name: "tenth",
            match: { ...all, runtimeFraction: { defaultValue: { numerator: 10 } } },
            action: { case: "redirect", value: { hostRedirect: "elsewhere" } },
          },
          {
            match: all,
            action: {
              case: "route",
              value: {
                clusterSpecifier: {
                  case: "weightedClusters",
                  value: {
                    clusters: [
                      { name: "orders", weight: 95, metadataMatch: version("v1") },
                      { name: "orders", weight: 5, metadataMatch: version("v2") },
                    ],
                  },
                },
              },
            },
          },
        ],
      },
    ],
  });
  const ways = routeRequest(routes, { method: "GET", host: "Orders:80", path: "/", headers: {} });
  expect(waysText(ways)).toBe(
    '10% 301 to elsewhere (orders route tenth), 85.5% orders {"version":"v1"} (orders route #2), 4.5% orders {"version":"v2"} (orders route #2)',
  );
  expect(waysText(routeRequest(routes, { method: "GET", host: "stock", path: "/", headers: {} }))).toBe("404");
});
