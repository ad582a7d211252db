/** One ledger out of several: under one name, with all proxies, in any order of the answers. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { changeTo } from "../testing/ledger.js";
import { DurationCounter, percentile, sum } from "./durations.js";
import { mergeLedgers, seenWithin, type ToldLedger, type ToldRecord } from "./merge.js";

const now = 1_000_000;
const settled = { silent: false, now };

function record(mark: string, o: Partial<ToldRecord> & { ms?: readonly number[] } = {}): ToldRecord {
  const { ms = [], ...more } = o;
  const counter = new DurationCounter();
  for (const one of ms) counter.add(one);
  return {
    ...changeTo("orders", mark),
    ...{ seen: now - 1_000, compiled: 1, resources: [], acknowledged: ms.length, refused: 0, gone: 0, abandoned: 0, waiting: 0 },
    durations: counter.counts(),
    ...(ms.length > 0 ? { last: { node: `n${ms.length}`, ms: Math.max(...ms) } } : {}),
    ...{ laggards: [], refusals: [], goneNodes: [], closed: true, together: [] },
    ...more,
  };
}

const told = (replica: string, ...records: ToldRecord[]): ToldLedger => ({ replica, begins: 0, records });

describe("one ledger out of several", () => {
  it("has the percentiles and the last of all proxies, not of the control planes", () => {
    const fast = Array.from({ length: 98 }, () => 10);
    const [entry] = mergeLedgers([told("a", record("7", { ms: fast })), told("b", record("7", { ms: [500, 800] }))], settled);
    expect(entry).toMatchObject({ id: "registry:orders:7", outcome: "acknowledged", proxies: { concerned: 100, acknowledged: 100 } });
    expect(entry?.acknowledgedMs?.p50).toBeCloseTo(10, 0);
    expect(Math.abs((entry?.acknowledgedMs?.p99 ?? 0) / 500 - 1)).toBeLessThan(0.021);
    expect(entry).toMatchObject({ acknowledgedMs: { last: 800 }, lastProxy: "n2" });
  });

  it("takes a change that one of them saw together with a later one of the same thing as had by that", () => {
    const item = (after: number, index: number) => [{ name: "n1/orders-1", after, index }];
    const a = told("a", record("7", { items: item(5, 7), ms: [1] }), record("8", { items: item(7, 8), ms: [2] }));
    const b = told("b", record("8", { items: item(5, 8), ms: [3, 4], overtakenBy: undefined }));
    const [first, second] = mergeLedgers([a, b], settled);
    expect(first).toMatchObject({ id: "registry:orders:7", outcome: "acknowledged", proxies: { acknowledged: 3 } });
    expect(first?.replicas).toMatchObject([{ state: "recorded" }, { state: "covered", coveredBy: "registry:orders:8" }]);
    expect(second?.replicas.map(({ state }) => state)).toEqual(["recorded", "recorded"]);
  });

  it("says which control plane has not seen a change, and does not wait for what must have been gone when it looked", () => {
    const a = told("a", record("7", { ms: [1] }));
    const late = { silent: false, now: now + seenWithin };
    expect(mergeLedgers([a, told("b")], settled)[0]).toMatchObject({
      outcome: "waiting",
      replicas: [{}, { replica: "b", state: "not-seen" }],
    });
    expect(mergeLedgers([a, told("b")], late)[0]).toMatchObject({ outcome: "acknowledged" });
    expect(mergeLedgers([a, { ...told("b"), begins: now }], settled)[0]).toMatchObject({
      outcome: "acknowledged",
      replicas: [{}, { state: "before" }],
    });
  });

  it("tells of a change what is known, and nothing better while a control plane is silent", () => {
    const outcome = (o: Parameters<typeof record>[1], silent = false) =>
      mergeLedgers([told("a", record("7", o))], { silent, now })[0]?.outcome;
    expect(outcome({})).toBe("nothing-to-send");
    expect(outcome({ overtakenBy: "x" })).toBe("overtaken");
    expect(outcome({ ms: [1], abandoned: 1 })).toBe("abandoned");
    expect(outcome({ ms: [1], waiting: 1, closed: false })).toBe("waiting");
    expect(outcome({ ms: [1], waiting: 1, refused: 1 })).toBe("refused");
    expect(outcome({ ms: [1] }, true)).toBe("unknown");
    expect(outcome({ refused: 1 }, true)).toBe("refused");
  });

  it("is the same in whatever order they answer, and loses and doubles no proxy", () => {
    const some = fc.record({
      mark: fc.integer({ min: 1, max: 6 }),
      ms: fc.array(fc.integer({ min: 1, max: 1_000 }), { maxLength: 5 }),
      counts: fc.record({ refused: fc.nat(3), gone: fc.nat(3), abandoned: fc.nat(3), waiting: fc.nat(3) }),
      seen: fc.integer({ min: 0, max: now }),
    });
    const ledger = fc.uniqueArray(some, { selector: ({ mark }) => mark });
    fc.assert(
      fc.property(fc.array(ledger, { maxLength: 4 }), (ledgers) => {
        const all = ledgers.map((records, i) =>
          told(`r${i}`, ...records.map(({ mark, ms, counts, seen }) => record(String(mark), { ms, ...counts, seen }))),
        );
        const merged = mergeLedgers(all, settled);
        expect(mergeLedgers([...all].reverse(), settled)).toEqual(merged);
        expect(new Set(merged.map(({ id }) => id)).size).toBe(merged.length);
        for (const { id, proxies, acknowledgedMs } of merged) {
          const own = all.flatMap(({ records }) => records.filter((one) => one.id === id));
          for (const field of ["acknowledged", "refused", "gone", "abandoned", "waiting"] as const)
            expect(proxies[field]).toBe(own.reduce((total, one) => total + one[field], 0));
          const { acknowledged, refused, gone, abandoned, waiting } = proxies;
          expect(proxies.concerned).toBe(acknowledged + refused + gone + abandoned + waiting);
          const p50 = percentile(sum(own.map(({ durations }) => durations)), 0.5);
          expect(acknowledgedMs === undefined).toBe(p50 === undefined);
        }
      }),
    );
  });
});
