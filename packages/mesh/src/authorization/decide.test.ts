import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decide } from "./decide.js";
import { type HeaderMatch, type Intention, intentionName, type Permission, precedence, type Verdict } from "./intention.js";
import type { CallRequest } from "./request-match.js";

const service = (name: string) => ({ namespace: "default", name });
const intention = (source: string, destination: string, rule: Intention["rule"]): Intention => ({
  source: service(source),
  destination: service(destination),
  rule,
});
const permission = (action: Verdict, rest: Partial<Permission> = {}): Permission => ({ action, headers: [], methods: [], ...rest });
const call = (from: string, to: string, request?: CallRequest) => ({
  from: service(from),
  to: service(to),
  ...(request ? { request } : {}),
});

describe("which intention holds", () => {
  it("is told by Consul's numbers", () => {
    const of = (source: string, destination: string) => precedence(intention(source, destination, "allow"));
    expect([of("a", "b"), of("*", "b"), of("a", "*"), of("*", "*")]).toEqual([9, 8, 6, 5]);
    const everywhere = { namespace: "*", name: "*" };
    expect(precedence({ source: everywhere, destination: everywhere })).toBe(1);
  });

  it.each([
    [
      "the pair itself before any wildcard",
      "web=>orders",
      "allow",
      [
        ["web", "orders", "allow"],
        ["*", "orders", "deny"],
        ["web", "*", "deny"],
      ],
    ],
    [
      "the destination before the source",
      "*=>orders",
      "deny",
      [
        ["*", "orders", "deny"],
        ["web", "*", "allow"],
      ],
    ],
    [
      "the source when the destination is a wildcard",
      "web=>*",
      "allow",
      [
        ["*", "*", "deny"],
        ["web", "*", "allow"],
      ],
    ],
    [
      "everything when nothing else speaks of the call",
      "*=>*",
      "deny",
      [
        ["*", "*", "deny"],
        ["admin", "orders", "allow"],
      ],
    ],
    [
      "none of others",
      "default",
      "allow",
      [
        ["web", "payments", "deny"],
        ["admin", "orders", "deny"],
      ],
    ],
  ] as const)("is %s", (_what, rule, verdict, rows) => {
    const intentions = rows.map(([source, destination, action]) => intention(source, destination, action));
    expect(decide(intentions, "allow", call("web", "orders"))).toMatchObject({ rule, verdict });
    expect(decide([...intentions].reverse(), "allow", call("web", "orders"))).toMatchObject({ rule, verdict });
  });

  it("does not depend on the order in which they are given", () => {
    const name = fc.constantFrom("web", "orders", "*");
    const one = fc.tuple(name, name, fc.constantFrom("allow" as const, "deny" as const)).map((row) => intention(...row));
    fc.assert(
      fc.property(
        fc.uniqueArray(one, { selector: intentionName }),
        fc.constantFrom("allow" as const, "deny" as const),
        (all, byDefault) => {
          const reversed = decide([...all].reverse(), byDefault, call("web", "orders"));
          expect(decide(all, byDefault, call("web", "orders"))).toEqual(reversed);
        },
      ),
    );
  });
});

describe("permissions", () => {
  const rules = [
    permission("deny", { path: { kind: "prefix", value: "/admin" } }),
    permission("allow", { path: { kind: "regex", value: "/v[0-9]+/.*" }, methods: ["GET", "HEAD"] }),
  ];
  const all = [intention("web", "orders", rules), intention("*", "orders", "allow")];

  it.each([
    ["/admin", "GET", "deny", "web=>orders#1"],
    ["/v1/x?y=/admin", "GET", "allow", "web=>orders#2"],
    ["/v1/x", "POST", "deny", "web=>orders#default"],
    ["/public?x=/v1/", "GET", "deny", "web=>orders#default"],
  ] as const)("for %s by %s are asked in order, and then the default: %s by %s", (path, method, verdict, rule) => {
    expect(decide(all, "deny", call("web", "orders", { path, method }))).toMatchObject({ verdict, rule });
  });

  it("that match nothing leave the call to the default, not to the next intention", () => {
    expect(decide(all, "allow", call("web", "orders", { path: "/" })).verdict).toBe("allow");
    expect(decide(all, "deny", call("web", "orders", { path: "/" })).verdict).toBe("deny");
  });

  it("deny a connection that is no request", () => {
    expect(decide(all, "allow", call("web", "orders"))).toMatchObject({
      verdict: "deny",
      reason: expect.stringContaining("permissions for requests"),
    });
  });

  const header = (value: HeaderMatch["value"], rest: Partial<HeaderMatch> = {}) =>
    permission("deny", { headers: [{ name: "X-Role", value, ignoreCase: false, invert: false, ...rest }] });
  it.each([
    ["present", header("present"), { "x-role": "" }, {}],
    ["not present", header("present", { invert: true }), {}, { "x-role": "a" }],
    ["exact", header({ kind: "exact", value: "boss" }), { "X-ROLE": "boss" }, { "x-role": "Boss" }],
    ["another", header({ kind: "exact", value: "boss" }, { invert: true }), { "x-role": "clerk" }, { "x-role": "boss" }],
    ["another, which a missing header is not", header({ kind: "exact", value: "boss" }, { invert: true }), { "x-role": "" }, {}],
    ["prefix in any case", header({ kind: "prefix", value: "BO" }, { ignoreCase: true }), { "x-role": "boss" }, { "x-role": "aboss" }],
    ["suffix", header({ kind: "suffix", value: "ss" }), { "x-role": "boss" }, { "x-role": "bos" }],
    ["contains", header({ kind: "contains", value: "os" }), { "x-role": "boss" }, { "x-role": "bss" }],
    ["regex, of the whole", header({ kind: "regex", value: "b.*s" }), { "x-role": "boss" }, { "x-role": "a boss" }],
  ] as const)("match a header that is %s", (_what, rule, yes, no) => {
    const verdict = (headers: CallRequest["headers"]) =>
      decide([intention("web", "orders", [rule])], "allow", call("web", "orders", { headers: headers ?? {} })).verdict;
    expect([verdict(yes), verdict(no)]).toEqual(["deny", "allow"]);
  });
});

it("an intention that cannot be carried out denies, and says why, whatever it was to allow", () => {
  const flawed = { ...intention("web", "orders", "allow"), flaw: "it asks for a JWT" };
  expect(decide([flawed, intention("*", "orders", "allow")], "allow", call("web", "orders", {}))).toMatchObject({
    verdict: "deny",
    reason: expect.stringContaining("it asks for a JWT"),
  });
});
