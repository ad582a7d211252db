import { describe, expect, it } from "vitest";
import { writtenPolicies } from "../../proof/written-policies.js";
import { trafficTo } from "../traffic/traffic-policies.js";

const route = (name: string, ...rules: string[]) =>
  `---\napiVersion: legation/v1\nkind: Route\nname: ${name}\nservice: orders\nrules:\n${rules.map((rule) => `  - ${rule}\n`).join("")}`;
const rulesOf = (text: string) => trafficTo({ name: "orders", instances: [] }, writtenPolicies(text)).rules;
const matching = (match: string) => rulesOf(route("r", `match: ${match}`))[0]?.match;
const sentTo = (rule: string) => {
  const action = rulesOf(route("r", rule))[0]?.action;
  return action?.kind === "forward" ? action.to : undefined;
};
const refusal = (text: string) => {
  try {
    writtenPolicies(text);
  } catch (error) {
    return error instanceof Error ? error.message : "";
  }
  return "is taken";
};

describe("the rules for a service", () => {
  it("are plain values, without a word of what was left out", () => {
    expect(rulesOf(route("canary", "to: [ { service: orders, weight: 95 }, { service: orders-v2, weight: 5 } ]"))).toMatchObject([
      {
        name: "Route/canary#0",
        match: { path: { kind: "prefix", value: "/" }, grpc: false, methods: [], headers: [], query: [] },
        action: {
          to: [
            { service: "orders", weight: 95 },
            { service: "orders-v2", weight: 5 },
          ],
        },
      },
    ]);
    expect(sentTo("match: { path: { prefix: /a } }")).toEqual([{ service: "orders", subset: undefined, declared: true, weight: 1 }]);
    expect(sentTo("to: [ { service: a }, {} ]")?.map(({ weight }) => weight)).toEqual([1, 1]);
  });

  it("hold the service's own settings where they say nothing, and theirs above them where they do", () => {
    const text = `---\napiVersion: legation/v1\nkind: Service\nname: orders\ntimeouts: { request: 7s }\nretries: { attempts: 4 }\n`;
    const policies = writtenPolicies(text + route("r", "match: { path: { exact: /a } }", "timeouts: { idle: 1s }"));
    const { settings, rules } = trafficTo({ name: "orders", instances: [] }, policies);
    expect(rules[0]?.settings).toBe(settings);
    expect(rules[1]?.settings).toEqual({ ...settings, timeouts: { ...settings.timeouts, idle: 1_000 } });
  });

  it("hold by path, then by gRPC or method, headers and query, at last by name and place, in whichever documents they are", () => {
    const inOrder = [
      "{ path: { exact: /b }, methods: [GET] }",
      "{ path: { exact: /b }, headers: { x: { present: true } } }",
      "{ path: { exact: /a } }",
      "{ path: { exact: /a/longer } }",
      "{ path: { exact: /a, ignoreCase: true } }",
      '{ path: { template: "/a/{b}/c" } }',
      '{ path: { template: "/a/*/*" } }',
      '{ path: { template: "/a/**" } }',
      '{ path: { regex: "/a.*longer" } }',
      '{ path: { regex: "/a.*" } }',
      "{ grpc: { service: pkg.Longest } }",
      "{ path: { prefix: /a/b } }",
      "{ path: { prefix: /a/ }, headers: { x: { exact: '1' }, y: { exact: '1' } } }",
      "{ path: { prefix: /a }, headers: { x: { exact: '1' } }, query: { q: { present: true } } }",
      "{ path: { prefix: /a }, headers: { x: { exact: '1' } } }",
      "{ path: { prefix: /a }, query: { q: { present: true } } }",
      "{ path: { prefix: /a } }",
      "{ grpc: {} }",
      "{ methods: [GET, POST] }",
      "{ headers: { x: { present: true } } }",
      "{}",
    ].map((match) => `match: ${match}`);
    const expected = rulesOf(inOrder.map((rule, i) => route(`r${String(i).padStart(2, "0")}`, rule)).join(""));
    expect(expected.map(({ document }) => document)).toEqual(inOrder.map((_, i) => `Route/r${String(i).padStart(2, "0")}`));
    const backwards = rulesOf(route("one", ...[...inOrder].reverse()));
    // The two exact paths of one kind hold by their place alone.
    expect(backwards.map(({ index }) => inOrder.length - 1 - index)).toEqual([0, 1, 3, 2, ...inOrder.map((_, i) => i).slice(4)]);
  });

  it("know one match in several writings", () => {
    expect(matching("{ path: { prefix: /api/ } }")).toEqual(matching("{ path: { prefix: /api } }"));
    expect(matching("{ path: { prefix: / } }")).toEqual(matching("{}"));
    expect(matching("{ methods: [PUT, GET] }")).toEqual(matching("{ methods: [GET, PUT] }"));
    expect(matching("{ headers: { X-B: { absent: true }, x-a: { present: true } } }")?.headers).toEqual([
      { name: "x-a", value: "present", ignoreCase: false, invert: false },
      { name: "x-b", value: "present", ignoreCase: false, invert: true },
    ]);
    expect(matching("{ grpc: { service: shop.v1.Orders, method: Place } }")).toMatchObject({
      path: { kind: "exact", value: "/shop.v1.Orders/Place" },
      grpc: true,
    });
  });

  it.each([
    [["match: { path: {} }"], "rules[0].match.path: says nothing. Write one of exact, prefix, template, regex"],
    [["match: { path: { exact: /a, prefix: /b } }"], "rules[0].match.path: says exact and prefix. Write only one of"],
    [["match: { path: { exact: a } }"], 'rules[0].match.path.exact: "a" cannot be used: use a path that begins with /'],
    [["match: { path: { prefix: /a?b } }"], 'rules[0].match.path.prefix: "/a?b" cannot be used: use a path'],
    [["match: { path: { regex: '(' } }"], 'rules[0].match.path.regex: "(" is no RE2 expression'],
    [["match: { path: { regex: 'a{1000}{1000}' } }"], "rules[0].match.path.regex: "],
    [["match: { path: { regex: /a, ignoreCase: true } }"], "rules[0].match.path.ignoreCase: does not go with regex. Write (?i) at its"],
    [["match: { path: { template: '/a/**/b' } }"], "rules[0].match.path.template: goes on behind **. Put ** at its end, or use *"],
    [["match: { path: { template: '/a/{b' } }"], 'rules[0].match.path.template: "{b" is no segment'],
    [["match: { path: { template: '/{a}/{a}' } }"], "rules[0].match.path.template: has two variables of one name. Rename one"],
    [["match: { path: { template: '/{a}/{b}/{c}/{d}/{e}/{f}' } }"], "rules[0].match.path.template: has 6 variables, and at most 5"],
    [["match: { methods: [get] }"], 'rules[0].match.methods[0]: "get" cannot be used: use methods in capitals'],
    [["match: { methods: [CONNECT] }"], "rules[0].match.methods: CONNECT is refused before any rule is asked. Take it out"],
    [
      ["match: { headers: { 'x y': { present: true } } }"],
      "rules[0].match.headers.x y: is no name that can be used here: use the name of a",
    ],
    [["match: { headers: { x: { present: true }, X: { present: true } } }"], "rules[0].match.headers.X: is there twice"],
    [["match: { headers: { x: { range: { from: 2, to: 1 } } } }"], "rules[0].match.headers.x.range: is empty"],
    [["match: { headers: { x: { present: true, ignoreCase: true } } }"], "headers.x.ignoreCase: does not go with present. Take it out"],
    [["match: { query: { x: { absent: true } } }"], "rules[0].match.query.x.absent: there is no such field"],
    [["match: { grpc: { method: Place } }"], "rules[0].match.grpc.service: is missing. Write the service that has the method"],
    [["match: { grpc: {}, path: { exact: /a } }"], "rules[0].match.path: grpc says the path already"],
    [["to: [ { service: a, weight: 0 }, { service: b, weight: 0 } ]"], "rules[0].to: the weights sum to 0. Give one a weight of 1 or more"],
    [["to: [ { service: a, weight: 1 }, { service: b } ]"], "rules[0].to[1].weight: is missing, and others have one"],
    [["to: [ { service: a }, { service: a } ]"], "rules[0].to[1]: goes where entry 0 goes. Put both into one"],
    [["redirect: { status: 301 }"], "rules[0].redirect: leads back to the same address. Write scheme, host, port"],
    [["redirect: { path: /a }\n    to: [ { service: a } ]"], "rules[0].to: nothing is sent anywhere where redirect is the answer"],
    [["redirect: { path: /a, prefix: /b }"], "rules[0].redirect.prefix: path says the new path already. Keep one of them"],
    [["redirect: { path: /a }\n    respond: { status: 200 }"], "rules[0].respond: redirect is the answer already. Keep one of the two"],
    [["redirect: { path: /a, status: 304 }"], "rules[0].redirect.status: 304 is none of 301, 302, 303, 307, 308"],
    [["respond: { status: 302 }"], "rules[0].respond.status: leads elsewhere. Write redirect in place of respond"],
    [["respond: { status: 204, body: x }"], "rules[0].respond.body: does not go with 204, which has none. Take it out"],
    [["fault: { abort: { status: 304 } }"], "rules[0].fault.abort.status: 304 has no body, and Envoy sends one. Use another status"],
    [
      ["rewrite: { regex: { pattern: a, substitution: a b } }"],
      'rules[0].rewrite.regex.substitution: "a b" cannot be used: use characters of a path',
    ],
    [
      ["respond: { status: 200 }\n    headers: { request: { set: { x: y } } }"],
      "rules[0].headers.request: no request is sent where respond is the answer. Keep headers.response alone",
    ],
    [
      ["headers: { request: { set: { Content-Length: '5' } } }"],
      "headers.request.set.Content-Length: is no name that can be used here: the proxies write it themselves",
    ],
    [["headers: { response: { remove: [x-legation-app] } }"], "headers.response.remove[0]: the proxies tell each other something by it"],
    [
      ["match: { methods: [POST] }\n    retries: { on: [connect-failure, 503] }"],
      "rules[0].retries.on[1]: POST requests are not sent again after this. Write methods: all beside it if two instances may both carry them out",
    ],
    [
      ["match: { methods: [PATCH] }\n    retries: { on: [unavailable] }"],
      "rules[0].retries.on[0]: PATCH requests are not sent again after this",
    ],
    [
      ["match: { grpc: {} }\n    timeouts: { perTry: 1s }\n    hedging: { enabled: true }"],
      "rules[0].hedging.enabled: gRPC calls are not sent",
    ],
    [
      ["match: { grpc: {} }\n    timeouts: { perTry: 1s }"],
      "rules[0].timeouts.perTry: gRPC calls are not sent twice. Write methods: all in",
    ],
    [["match: { grpc: {} }\n    timeouts: { request: 1s }"], "rules[0].timeouts.request: gRPC calls bring their own deadlines. Use stream"],
    [["respond: { status: 100 }"], "rules[0].respond.status: 100 is too small. Use at least 200"],
    [[`respond: { status: 200, body: ${"ä".repeat(2_049)} }`], "rules[0].respond.body: is longer than 4096 bytes. Shorten it"],
    [["rewrite: {}"], "rules[0].rewrite: says nothing. Write path, prefix, regex, template or host"],
    [["rewrite: { prefix: /a }\n    match: { path: { exact: /a } }"], "rules[0].rewrite.prefix: goes with match.path.prefix alone"],
    [["rewrite: { template: '/{a}' }"], "rules[0].rewrite.template: goes with match.path.template alone. Match a template, or use regex"],
    [
      ["rewrite: { template: '/{b}' }\n    match: { path: { template: '/{a}' } }"],
      "rules[0].rewrite.template: {b} is no variable of /{a}. Use one of a",
    ],
    [
      ["rewrite: { regex: { pattern: a(b), substitution: '\\2' } }"],
      "rules[0].rewrite.regex.substitution: uses \\2, and the pattern has 1 groups. Add one to it",
    ],
    [["rewrite: { regex: { pattern: a, substitution: '\\x' } }"], "rules[0].rewrite.regex.substitution: "],
    [["headers: { request: { set: { ':path': /a } } }"], "rules[0].headers.request.set.:path: is no name that can be used here"],
    [["headers: { request: { remove: [host] } }"], "rules[0].headers.request.remove[0]: the host is written anew by rewrite.host"],
    [["headers: { response: { set: { x: '1' }, remove: [X] } }"], "response.remove[0]: set says something of x already. Keep one"],
    [['headers: { response: { set: { x: "a\\nb" } } }'], "rules[0].headers.response.set.x: "],
    [["mirror: { share: 10% }"], "rules[0].mirror.service: is missing"],
    [["fault: {}"], "rules[0].fault: says nothing. Write delay or abort"],
    [["fault: { abort: { share: 10% } }"], "rules[0].fault.abort: says nothing. Write one of status, grpc"],
    [["fault: { abort: { grpc: ok } }"], 'rules[0].fault.abort.grpc: "ok" is none of cancelled'],
    [["retries: { budget: 10% }"], "rules[0].retries.budget: holds for all requests to a service together. Write it in the policy Service"],
    [["hedging: { enabled: true }"], "rules[0].hedging.enabled: the second try is sent when timeouts.perTry has passed"],
    [["timeouts: { request: 1y }"], "rules[0].timeouts.request: "],
    [["to: [ { service: orders }, {} ]"], "rules[0].to[1]: goes where entry 0 goes"],
    [["to: [ { subset: a }, { service: orders, subset: a } ]"], "rules[0].to[1]: goes where entry 0 goes"],
    [["to: [ { service: a } ]", "match: { path: { prefix: / } }"], "rules[1].match: Route/r rules[0] matches exactly the same requests"],
  ])("refuse %j at its place, with the fix", (rules, message) => {
    expect(refusal(route("r", ...rules))).toContain(message);
  });

  it("refuse one match in two documents, and not one match for two services", () => {
    const one = route("a", "match: { methods: [GET] }");
    expect(refusal(one + route("b", "{}", "match: { methods: [GET] }"))).toContain(
      "Route/b: rules[1].match: Route/a rules[0] matches exactly the same requests. Put both into one, or make one narrower",
    );
    expect(refusal(one + route("b", "match: { methods: [GET] }").replace("service: orders", "service: pay"))).toBe("is taken");
  });
});
