import type { AclApi, AclRule, Authorization } from "@legation/consul";
import { createTestClock } from "@legation/runtime/testing";
import { describe, expect, test } from "vitest";
import { createDecisions, freshMs, graceMs, keptAtMost } from "./decisions.js";

const orders: AclRule = { resource: "service", name: "orders", access: "write" };
const reads = (count: number): AclRule[] =>
  Array.from({ length: count }, (_, i) => ({ resource: "service", name: `s${i}`, access: "read" }));

/** A Consul that knows the token "good", which may do everything but write. */
function setUp() {
  const clock = createTestClock();
  const asked: { token: string | undefined; rules: number }[] = [];
  let answer: ((token: string | undefined, rules: readonly AclRule[]) => Promise<Authorization>) | undefined;
  const acl: AclApi = {
    authorize(token, rules) {
      asked.push({ token, rules: rules.length });
      if (answer) return answer(token, rules);
      if (token !== undefined && token !== "good") return Promise.resolve({ kind: "unknown" });
      return Promise.resolve({ kind: "decided", allowed: rules.map(({ access }) => access === "read") });
    },
    self: async (token) => ({ AccessorID: `accessor-of-${token}`, Description: "deploy", policies: [], roles: [] }),
  };
  return {
    clock,
    asked,
    decisions: createDecisions({ acl, clock }),
    answerWith(next: typeof answer) {
      answer = next;
    },
  };
}

const broken = () => Promise.reject(new Error("connection refused"));

describe("decisions on tokens", () => {
  test("are asked once for callers that come at once, and again after a few seconds", async () => {
    const { clock, asked, decisions } = setUp();
    const all = await Promise.all(Array.from({ length: 50 }, () => decisions.decide("good", [orders], false)));
    expect(new Set(all.map((verdict) => JSON.stringify(verdict)))).toEqual(new Set(['{"kind":"decided","allowed":[false]}']));
    expect(asked).toHaveLength(1);
    await clock.advance(freshMs - 1);
    await decisions.decide("good", [orders], false);
    expect(asked).toHaveLength(1);
    await clock.advance(1);
    await decisions.decide("good", [orders], false);
    expect(asked).toHaveLength(2);
  });

  test("on many rules are asked in the pieces that Consul takes", async () => {
    const { asked, decisions } = setUp();
    const verdict = await decisions.decide("good", [...reads(150), orders], false);
    expect(verdict).toEqual({ kind: "decided", allowed: [...Array.from({ length: 150 }, () => true), false] });
    expect(asked.map(({ rules }) => rules)).toEqual([64, 64, 23]);
  });

  test("on a long list leave room for the questions of others", async () => {
    const { decisions, answerWith } = setUp();
    let [underWay, most] = [0, 0];
    answerWith(async (_token, rules) => {
      most = Math.max(most, ++underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay--;
      return { kind: "decided", allowed: rules.map(() => true) };
    });
    const listing = decisions.decide("good", reads(19_000), true);
    expect(await decisions.decide("other", [orders], false)).toEqual({ kind: "decided", allowed: [true] });
    const verdict = await listing;
    expect(verdict.kind === "decided" && verdict.allowed.every(Boolean) && verdict.allowed.length).toBe(19_000);
    expect(most).toBeLessThan(16);
  });

  test("are old at most for what may wait for Consul, and none for what may not", async () => {
    const { clock, decisions, answerWith } = setUp();
    const [read] = reads(1) as [AclRule];
    await decisions.decide("good", [read], false);
    answerWith(broken);
    await clock.advance(freshMs);
    expect(await decisions.decide("good", [read], true)).toEqual({ kind: "decided", allowed: [true] });
    expect(await decisions.decide("good", [read], false)).toEqual({ kind: "undecided", why: "connection refused" });
    await clock.advance(graceMs - freshMs);
    expect(await decisions.decide("good", [read], true)).toEqual({ kind: "undecided", why: "connection refused" });
    answerWith(undefined);
    await clock.advance(1_000);
    expect(await decisions.decide("good", [read], false)).toEqual({ kind: "decided", allowed: [true] });
  });

  test("that fail do not make every caller wait for Consul", async () => {
    const { asked, decisions, answerWith } = setUp();
    answerWith(broken);
    for (let i = 0; i < 10; i++) await decisions.decide(`t${i}`, [orders], true);
    expect(asked).toHaveLength(1);
  });

  test("forget a token that was deleted, for all who asked at once, even where old decisions would do", async () => {
    const { clock, decisions, answerWith } = setUp();
    await decisions.decide("good", reads(1), true);
    answerWith(async () => ({ kind: "unknown" }));
    await clock.advance(freshMs);
    const both = await Promise.all([decisions.decide("good", reads(1), true), decisions.decide("good", reads(1), true)]);
    expect(both).toEqual([{ kind: "unknown" }, { kind: "unknown" }]);
    answerWith(broken);
    await clock.advance(freshMs);
    expect(await decisions.decide("good", reads(1), true)).toMatchObject({ kind: "undecided" });
  });

  test("on made-up tokens push out none that is in use, and are not asked twice", async () => {
    const { asked, decisions } = setUp();
    await decisions.decide("good", [orders], false);
    for (let i = 0; i < keptAtMost.tokens + 10; i++)
      expect(await decisions.decide(`bad-${i}`, [orders], false)).toEqual({ kind: "unknown" });
    const before = asked.length;
    await decisions.decide("good", [orders], false);
    await decisions.decide("bad-5", [orders], false);
    expect(asked).toHaveLength(before);
    expect(decisions.knows("good")).toBe(true);
  });

  test("on a made-up token cost one question, however many rules it is asked for", async () => {
    const { asked, decisions } = setUp();
    expect(await decisions.decide("bad", reads(1_000), false)).toEqual({ kind: "unknown" });
    expect(asked).toHaveLength(1);
  });

  test("name the owner by its accessor and description", async () => {
    const { decisions } = setUp();
    await decisions.decide("good", [orders], false);
    expect(await decisions.owner("good")).toEqual({ accessor: "accessor-of-good", name: "deploy" });
    expect(await decisions.owner("never-seen")).toEqual({});
  });
});
