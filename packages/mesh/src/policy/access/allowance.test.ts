import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parsePolicyFiles, policySet } from "../index.js";
import { anyPolicies } from "../testing/arbitrary.js";
import { type Author, notAllowed } from "./allowance.js";

const read = (...texts: string[]) => {
  const { documents, problems } = parsePolicyFiles(
    texts.map((text, i) => ({ path: `${i}.yaml`, text: `apiVersion: legation/v1\n${text}` })),
  );
  if (problems.length > 0) throw new Error(problems.join("\n"));
  return policySet(documents).documents;
};
const team: Author = { policies: ["team-orders"], roles: [] };
const other = { accessor: "aaaa", policies: ["team-pay"], roles: ["on-call"] };
const rule = (name: string, scope: string, allow: string) => `kind: Access\nname: ${name}\n${scope}\nallow: ${allow}\n`;
const orders = (fields = "") => `kind: Service\nname: orders\n${fields}\n`;
const upTo30 = rule(
  "team",
  "services: [orders]",
  "{ to: { policies: [team-orders] }, bounds: { timeouts.request: { max: 30s }, retries.attempts: { max: 3 }, retries.budget: { max: 50% }, balancing.strategy: { oneOf: [random, health_based] }, limits: { forbid: true } } }",
);
/** What the team may not change of orders, from one text to another. */
const refused = (before: string | undefined, after: string | undefined, rules = [upTo30], author = team) =>
  notAllowed(read(...rules, ...(before === undefined ? [] : [before])), read(...rules, ...(after === undefined ? [] : [after])), author);

describe("what an author may change", () => {
  it("is what is within bounds, whatever way it is written", () => {
    const within =
      "timeouts: { request: 0.5m }\nretries: { attempts: 3, budget: 50% }\nbalancing: { strategy: random }\nconnections: { idleTimeout: 5m }";
    expect(refused(undefined, orders(within))).toEqual([]);
    expect(refused(orders("circuitBreaker: { timeout: 10s }"), orders("timeouts: { request: 30s }"))).toEqual([]);
  });

  it.each([
    ["timeouts: { request: 30001ms }", 'timeouts.request: "30001ms", and at most 30s is allowed'],
    ["circuitBreaker: { timeout: 45s }", 'circuitBreaker.timeout: "45s", and at most 30s is allowed'],
    ["retries: { attempts: 4 }", "retries.attempts: 4, and at most 3 is allowed"],
    ["retries: { budget: 51% }", 'retries.budget: "51%", and at most 50% is allowed'],
    ["balancing: { strategy: round_robin }", 'balancing.strategy: "round_robin" is none of random, health_based'],
    ["limits: { requests: 9 }", "limits.requests: may not be touched"],
    ["limits: {}", "limits: may not be touched"],
  ])("is not %s", (fields, why) => {
    expect(refused(orders(), orders(fields))).toEqual([
      `Service/orders: ${why}, by Access/team. Ask somebody whose token may write all policies (key_prefix "legation/policies/"): no bound holds for them`,
    ]);
  });

  it("is bounded in a route's rules as in the service", () => {
    const route = "kind: Route\nname: slow\nservice: orders\nrules: [{ match: { methods: [GET] }, timeouts: { request: 5m } }]\n";
    expect(refused(undefined, route)).toEqual([expect.stringContaining('Route/slow: rules[0].timeouts.request: "5m", and at most 30s')]);
    expect(refused(undefined, route.replace("5m", "5s"))).toEqual([]);
  });

  it("counts what changes, and not what was there", () => {
    expect(refused(orders("timeouts: { request: 5m }"), orders("timeouts: { request: 5m }\naccessLog: { path: /x }"))).toEqual([]);
    expect(refused(orders("limits: { requests: 9 }"), orders())).toHaveLength(1);
  });

  it("is judged by what holds without a field that is taken out, with its document or alone", () => {
    const mesh = "kind: MeshDefaults\nname: mesh\ncircuitBreaker: { timeout: 1m }\nretries: { attempts: 2 }\n";
    const before = orders("timeouts: { request: 10s }\nretries: { attempts: 1 }");
    for (const after of [orders(), undefined])
      expect(refused(before, after, [upTo30, mesh])).toEqual([
        expect.stringContaining('timeouts.request: without it MeshDefaults/mesh holds: "1m", and at most 30s is allowed, by Access/team'),
      ]);
    expect(refused(before, orders())).toEqual([]);
    const tight = rule("tight", "services: [orders]", "{ bounds: { retries.budget: { max: 5% }, timeouts.request: { max: 1s } } }");
    expect(refused(orders("timeouts: { request: 1s }\nretries: { budget: 5% }"), orders(), [tight])).toEqual([
      expect.stringContaining(`retries.budget: without it Legation's default holds: "20%", and at most 5%`),
      expect.stringContaining(`timeouts.request: without it Legation's default holds: "30000ms", and at most 1s`),
    ]);
  });

  it("is nothing where the narrowest rules name others, who are told", () => {
    const wide = rule("wide", "kinds: [Service]", "{ bounds: { retries.attempts: { max: 5 } } }");
    expect(refused(undefined, orders("retries: { attempts: 1 }"), [upTo30, wide], other)).toEqual([
      expect.stringContaining("Service/orders: may not be changed by you: Access/team allows ACL policy team-orders. Ask"),
    ]);
    expect(refused(undefined, "kind: Service\nname: pay\nretries: { attempts: 5 }\n", [upTo30, wide], other)).toEqual([]);
    expect(refused(undefined, "kind: Service\nname: pay\nretries: { attempts: 6 }\n", [upTo30, wide], other)).toHaveLength(1);
    const wider = rule("open", "", "{ to: { tokens: [aaaa] } }");
    expect(refused(undefined, "kind: MeshDefaults\nname: mesh\n", [wider, upTo30], other)).toEqual([]);
    expect(refused(undefined, "kind: MeshDefaults\nname: mesh\n", [wider, upTo30], team)).toHaveLength(1);
  });

  it("is what any of equally narrow rules grants, within the bounds of all that mean the author", () => {
    const second = rule("second", "services: [orders, pay]", "{ to: { roles: [on-call] }, fields: [timeouts] }");
    const mesh = rule("mesh", "", "{ bounds: { timeouts.request: { min: 1s } } }");
    const rules = [upTo30, second, mesh];
    expect(refused(undefined, orders("timeouts: { request: 2m }"), rules, other)).toEqual([]);
    expect(refused(undefined, orders("retries: { attempts: 1 }"), rules, other)).toEqual([
      expect.stringContaining("retries.attempts: only timeouts may be changed, by Access/second"),
    ]);
    expect(refused(undefined, orders("timeouts: { request: 10ms }"), rules, team)).toEqual([
      expect.stringContaining("at least 1s is allowed, by Access/mesh"),
    ]);
  });

  it("is judged by the rules before and after, so that none is loosened and used at once", () => {
    const before = read(upTo30);
    const loose = upTo30.replace("max: 30s", "max: 90s");
    const after = read(loose, orders("timeouts: { request: 60s }"));
    expect(notAllowed(before, after, team)).toHaveLength(1);
    expect(notAllowed(after, before, team)).toEqual([]);
    expect(notAllowed(before, read(orders("timeouts: { request: 60s }")), team)).toHaveLength(1);
    expect(notAllowed(read(loose), after, team)).toEqual([]);
  });

  it("is everything where no rule says who, and nothing differs from nothing", () => {
    fc.assert(
      fc.property(anyPolicies, anyPolicies, (a, b) => {
        const [before, after] = [policySet(a).documents, policySet(b).documents];
        expect(notAllowed(before, after, team)).toEqual([]);
        const closed = read(rule("closed", "", "{ to: { tokens: [nobody] } }"));
        const guarded = [before, after].map((documents) => new Map([...documents, ...closed]));
        const changed = [...new Set([...before.keys(), ...after.keys()])].some(
          (key) => JSON.stringify(before.get(key)) !== JSON.stringify(after.get(key)),
        );
        expect(notAllowed(guarded[0] ?? before, guarded[1] ?? after, team).length > 0).toBe(changed);
      }),
    );
  });
});

describe("a rule", () => {
  it.each([
    ["bounds: { timeouts.reqest: { max: 1s } }", "allow.bounds.timeouts.reqest: no guarded kind has the field timeouts.reqest"],
    ["bounds: { timeouts: { max: 1s } }", "allow.bounds.timeouts: is a map, which has no size"],
    ["bounds: { timeouts.request: {} }", "allow.bounds.timeouts.request: says nothing"],
    ["bounds: { timeouts.request: { min: 2s, max: 1s } }", "allow.bounds.timeouts.request.max: is less than min"],
    ["bounds: { timeouts.request: { min: 1, max: 1s } }", "allow.bounds.timeouts.request.max: is less than min, or of another sort"],
    ["bounds: { timeouts.request: { max: soon } }", "use a number, a duration such as 30s, or a share such as 20%"],
    ["bounds: { limits: { forbid: true, max: 3 } }", "allow.bounds.limits.forbid: leaves nothing to bound"],
    ["fields: [timeout]", "allow.fields[0]: no guarded kind has the field timeout"],
    ["to: {}", "allow.to: names nobody"],
  ])("that says %s is refused, because it would never hold as it is meant", (allow, why) => {
    expect(() => read(rule("r", "kinds: [Service]", `{ ${allow} }`))).toThrow(why);
  });

  it("says something", () => {
    expect(() => read("kind: Access\nname: a\nkinds: [Service]\n")).toThrow("allow: is missing, and approvals too");
  });
});
