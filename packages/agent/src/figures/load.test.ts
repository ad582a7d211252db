import { loadScale, type ReportedLoad } from "@legation/contract";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Load, loadSmoothing, nextLoad, noLoad } from "./load.js";

const every = 5_000;

/** Looks every 5 s at an instance that answers so many requests in each, so slowly, with this share of failures. */
function measured(load: Load, looks: number, { requests = 50, ms = 20, failing = 0 }): Load {
  let next = load;
  for (let look = 0; look < looks; look++) {
    const before = next.counts ?? { requests: 0, errors: 0, timed: 0, timeMs: 0 };
    next = nextLoad(
      next,
      {
        requests: before.requests + requests,
        errors: before.errors + Math.round(requests * failing),
        timed: before.timed + requests,
        timeMs: before.timeMs + requests * ms,
      },
      every,
    );
  }
  return next;
}

const fast = () => measured(noLoad, 10, {});
const latencyOf = ({ told }: Load) => told?.latency ?? Number.NaN;

test("nothing is told before there are enough requests", () => {
  expect(noLoad.told).toBeUndefined();
  const cold = measured(noLoad, 2, { requests: loadSmoothing.warmUp - 1, ms: 900 });
  expect(cold.told).toBeUndefined();
  expect(measured(cold, 1, { requests: 1 }).told).toBeDefined();
});

test("twice as slow is two classes more, and ten times about seven", () => {
  expect(latencyOf(measured(noLoad, 20, { ms: 20 }))).toBe(Math.round(2 * Math.log2(10)));
  expect(latencyOf(measured(noLoad, 20, { ms: 40 })) - latencyOf(fast())).toBe(2);
  expect(latencyOf(measured(noLoad, 20, { ms: 200 })) - latencyOf(fast())).toBeGreaterThanOrEqual(6);
  expect(latencyOf(measured(noLoad, 20, { ms: 0.1 }))).toBe(0);
});

test("one look that a single endless request has slowed makes no slow instance, several do", () => {
  const once = measured(fast(), 1, { requests: 50, ms: 600 });
  expect(latencyOf(once) - latencyOf(fast())).toBeLessThanOrEqual(2);
  expect(latencyOf(measured(once, 2, {})) - latencyOf(fast())).toBeLessThanOrEqual(1);
  expect(latencyOf(measured(fast(), 5, { ms: 600 })) - latencyOf(fast())).toBeGreaterThanOrEqual(5);
});

test("failures are told by the borders that their share has reached", () => {
  for (const [failing, errors] of [
    [0, 0],
    [0.02, 0],
    [0.08, 1],
    [0.14, 2],
    [0.25, 3],
    [0.5, 4],
    [1, 4],
  ] as const)
    expect(measured(noLoad, 30, { requests: 100, failing }).told?.errors, `${failing}`).toBe(errors);
  expect(measured(measured(noLoad, 10, { failing: 0.5 }), 10, {}).told?.errors).toBe(0);
});

test("an instance that fails every other request is in the last class, however it came there", () => {
  const last = loadScale.errorRates.length;
  expect(measured(fast(), 20, { failing: 0.5 }).told?.errors).toBe(last);
  expect(measured(measured(fast(), 20, { failing: 0.25 }), 20, { failing: 0.5 }).told?.errors).toBe(last);
});

test("a figure that stays about a border does not change its class again and again", () => {
  let load = measured(noLoad, 20, { requests: 100, ms: 20 });
  const classes = new Set<number>();
  for (let look = 0; look < 100; look++) {
    // 2^4.5 × 2 ms lies on the border between classes 9 and 10.
    load = measured(load, 1, { requests: 100, ms: look % 2 ? 43 : 48 });
    if (look > 10) classes.add(latencyOf(load));
  }
  expect(classes.size).toBe(1);
});

test("an instance that gets too few requests is believed less and less, then not at all, and more again with requests", () => {
  const stretches = loadSmoothing.idleAfter / every;
  let load = fast();
  const idle: number[] = [];
  for (let stretch = 0; stretch < loadScale.idle; stretch++) {
    load = measured(load, stretches, { requests: 0 });
    idle.push(load.told?.idle ?? -1);
  }
  expect(idle).toEqual([...idle].sort((a, b) => a - b));
  expect(load.told?.idle).toBeGreaterThanOrEqual(loadScale.idle - 1);
  expect(measured(load, stretches, { requests: 10 }).told?.idle).toBe((load.told?.idle ?? 0) - 1);
  expect(measured(load, 2 * stretches, { requests: 0 }).told).toBeUndefined();
});

test("a few requests are enough for a slow instance that has recovered to be seen as it is", () => {
  const slow = measured(fast(), 20, { ms: 200 });
  expect(latencyOf(slow) - latencyOf(fast())).toBeGreaterThanOrEqual(6);
  expect(latencyOf(measured(slow, 15, { requests: 1, ms: 20 })) - latencyOf(fast())).toBeLessThanOrEqual(2);
});

test("counts of another Envoy begin anew, and change nothing by themselves", () => {
  const load = fast();
  const again = nextLoad(load, { requests: 1, errors: 1, timed: 1, timeMs: 9_000 }, every);
  expect(again.told).toEqual(load.told);
  expect(measured(again, 1, { requests: 0 }).told).toEqual(load.told);
});

test("whatever is counted, what is told is within its bounds", () => {
  const count = fc.nat(1_000);
  const look = fc.record({ requests: count, errors: count, timed: count, timeMs: fc.nat(100_000_000) });
  const within = ({ latency, errors, idle }: ReportedLoad) =>
    [
      [latency, loadScale.latency],
      [errors, loadScale.errorRates.length],
      [idle, loadScale.idle],
    ].every(([value = -1, most = 0]) => Number.isInteger(value) && value >= 0 && value <= most);
  fc.assert(
    fc.property(fc.array(look, { maxLength: 60 }), (looks) => {
      let load = noLoad;
      const total = { requests: 0, errors: 0, timed: 0, timeMs: 0 };
      for (const { requests, errors, timed, timeMs } of looks) {
        total.requests += requests;
        total.errors += Math.min(errors, requests);
        total.timed += timed;
        total.timeMs += timed === 0 ? 0 : timeMs;
        load = nextLoad(load, { ...total }, every);
        expect(load.told === undefined || within(load.told)).toBe(true);
      }
    }),
  );
});
