import fc from "fast-check";
import { expect, test } from "vitest";
import { type Admission, admissionTo } from "./admission.js";
import { decide } from "./decide.js";
import type { Intention, Verdict } from "./intention.js";

const trust = { trustDomain: "t.consul", datacenter: "dc1" };
const inDefault = (name: string) => ({ namespace: "default", name });
const intention = (source: string, rule: Intention["rule"]): Intention => ({
  source: inDefault(source),
  destination: inDefault("db"),
  rule,
});
const uri = (name: string, datacenter = "dc1") => `spiffe://t.consul/ns/default/dc/${datacenter}/svc/${name}`;

function admission(intentions: readonly Intention[] | undefined, byDefault: Verdict | undefined, o = {}): Admission {
  return admissionTo({ service: "db", protocol: "tcp", authorization: "enforce", intentions, byDefault, trust, ...o });
}

function admits(to: Admission, caller: string): boolean {
  if (typeof to === "string") return to === "anyone";
  return to.some((known) => (known.case === "exact" ? known.value === caller : caller.startsWith(known.value)));
}

test("only those that may call are let in, and the service itself", () => {
  const to = admission([intention("web", "allow"), intention("batch", "deny")], "deny");
  expect(to).toEqual([
    { case: "exact", value: uri("db") },
    { case: "exact", value: uri("web") },
  ]);
  expect(["web", "batch", "web2", "we"].map((name) => admits(to, uri(name)))).toEqual([true, false, false, false]);
  expect(admits(to, uri("web", "dc2"))).toBe(false);
  expect(admission([], "deny")).toEqual([{ case: "exact", value: uri("db") }]);
});

test("what a list cannot say is left to the rules", () => {
  expect(admission([intention("web", "deny")], "allow")).toBe("anyone");
  expect(admission([intention("web", "deny"), intention("*", "allow")], "deny")).toBe("anyone");
  expect(admits(admission([intention("*", "allow")], "deny"), uri("web", "dc2"))).toBe(true);
});

test("there is no list but for TCP under enforce, and none while nobody knows what to enforce", () => {
  expect(admission([], "deny", { protocol: "http" })).toBe("anyone");
  expect(admission([], "deny", { authorization: "shadow" })).toBe("anyone");
  expect(admission(undefined, "deny")).toBe("unknown");
  expect(admission([], undefined)).toBe("unknown");
  expect(admission(undefined, undefined, { authorization: "off" })).toBe("anyone");
});

test("whoever may call is let in, and a list holds nobody who may not", () => {
  const name = fc.constantFrom("a", "b", "c", "*");
  const rule = fc.constantFrom<Intention["rule"]>("allow", "deny", [{ action: "allow", headers: [], methods: [] }]);
  const lists = { some: 0 };
  const property = fc.property(fc.array(fc.tuple(name, rule)), fc.constantFrom<Verdict>("allow", "deny"), (rows, byDefault) => {
    const intentions = rows.map(([source, effect]) => intention(source, effect));
    const to = admission(intentions, byDefault);
    for (const caller of ["a", "b", "c", "d"]) {
      const { verdict } = decide(intentions, byDefault, { from: inDefault(caller), to: inDefault("db") });
      if (verdict === "allow") expect(admits(to, uri(caller))).toBe(true);
      else if (to !== "anyone") expect(admits(to, uri(caller))).toBe(false);
    }
    if (to !== "anyone") lists.some++;
  });
  fc.assert(property, { numRuns: 500 });
  expect(lists.some).toBeGreaterThan(100);
});
