import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { check, instance, instances } from "../proof/instances.js";
import { endpointOf, isServing } from "./endpoint.js";
import { type CatalogService, type Instance, keyOf } from "./instance.js";
import { applyMassLossGuard, type GuardLimits, type GuardState, guardLimits, releaseHeld } from "./mass-loss-guard.js";

/** Readings in their order, each with its time in milliseconds; the result of the last one and all alerts. */
function read(readings: readonly [atMs: number, present: readonly Instance[]][], limits: GuardLimits = guardLimits) {
  let state: GuardState | undefined;
  const alerts: string[] = [];
  let last: ReturnType<typeof applyMassLossGuard> | undefined;
  for (const [at, present] of readings) {
    last = applyMassLossGuard(state, { name: "orders", instances: present }, at, limits);
    state = last.state;
    alerts.push(...last.alerts.map((alert) => `${alert.kind} at ${at}`));
  }
  if (!last) throw new Error("no reading");
  return { ...last, alerts, names: last.service.instances.map(keyOf), heldNames: last.held.map(keyOf) };
}

const four = instances(4);
const names = four.map(keyOf);
const last = (count: number) => four.slice(4 - count);

describe("the mass-loss guard", () => {
  it("passes a first reading through, even an empty one", () => {
    expect(read([[0, []]])).toMatchObject({ names: [], heldNames: [], releaseAt: undefined, alerts: [] });
  });

  it("passes half of the endpoints, and holds more than half", () => {
    expect(
      read([
        [0, four],
        [1_000, last(2)],
      ]),
    ).toMatchObject({ names: names.slice(2), alerts: [] });
    const result = read([
      [0, four],
      [1_000, last(1)],
    ]);
    expect(result.names.sort()).toEqual(names);
    expect(result).toMatchObject({ heldNames: names.slice(0, 3), releaseAt: 61_000, alerts: ["held at 1000"] });
    expect(result.held.every((one) => one.kept)).toBe(true);
  });

  it("names in its alert what it holds, of how many", () => {
    const { state } = applyMassLossGuard(undefined, { name: "orders", instances: four }, 0);
    const { alerts } = applyMassLossGuard(state, { name: "orders", instances: [] }, 10);
    expect(alerts.map((alert) => alert.message)).toEqual([
      "orders: 4 of 4 endpoints vanished from the registry without draining, and stay in use for up to 60 s or until released: host-0/orders-0, host-1/orders-1, host-2/orders-2, host-3/orders-3",
    ]);
  });

  it("does not guard a service of two, unless it is told to", () => {
    expect(
      read([
        [0, last(2)],
        [1, []],
      ]).names,
    ).toEqual([]);
    expect(
      read(
        [
          [0, last(2)],
          [1, []],
        ],
        { ...guardLimits, minimum: 1 },
      ).names,
    ).toEqual(names.slice(2));
  });

  it("adds up losses within five seconds, and takes back those that had passed", () => {
    const result = read([
      [0, four],
      [1_000, last(3)],
      [3_000, last(2)],
      [5_900, last(1)],
    ]);
    expect(result.heldNames).toEqual(names.slice(0, 3));
    expect(result.releaseAt).toBe(61_000);
  });

  it("forgets losses that lie further apart", () => {
    expect(
      read([
        [0, four],
        [1_000, last(3)],
        [6_000, last(2)],
        [11_000, last(1)],
      ]),
    ).toMatchObject({ names: names.slice(3), alerts: [] });
  });

  it("lets go of what came back, without an alert", () => {
    expect(
      read([
        [0, four],
        [1_000, []],
        [2_000, four],
      ]),
    ).toMatchObject({ names, heldNames: [], releaseAt: undefined, alerts: ["held at 1000"] });
  });

  it("gives up what did not come back within 60 s, and says so", () => {
    expect(
      read([
        [0, four],
        [1_000, last(1)],
        [60_999, last(1)],
      ]).heldNames,
    ).toHaveLength(3);
    expect(
      read([
        [0, four],
        [1_000, last(1)],
        [61_000, last(1)],
      ]),
    ).toMatchObject({
      names: names.slice(3),
      releaseAt: undefined,
      alerts: ["held at 1000", "released at 61000"],
    });
  });

  it("holds what vanishes while it is holding, however little", () => {
    expect(
      read([
        [0, four],
        [1_000, last(1)],
        [30_000, []],
      ]),
    ).toMatchObject({ heldNames: names, releaseAt: 61_000 });
  });

  it("gives up by command", () => {
    const { state } = read([
      [0, four],
      [1_000, last(1)],
    ]);
    expect(releaseHeld(state, "orders")).toMatchObject({
      service: { instances: last(1) },
      held: [],
      releaseAt: undefined,
      alerts: [{ kind: "released", message: expect.stringContaining("given up by command") }],
    });
    const after = releaseHeld(state, "orders")?.state;
    expect(applyMassLossGuard(after, { name: "orders", instances: last(1) }, 1_001).held).toEqual([]);
    expect(releaseHeld(read([[0, four]]).state, "orders")).toBeUndefined();
  });

  it("never holds back critical checks", () => {
    const critical = four.map((one) => ({ ...one, checks: [check("critical")] }));
    const result = read([
      [0, four],
      [1_000, critical],
    ]);
    expect(result).toMatchObject({ heldNames: [], alerts: [] });
    expect(result.service.instances).toEqual(critical);
  });

  it.each<[string, Partial<Instance>]>([
    ["were draining", { checks: [check("critical", "_node_maintenance")] }],
    ["had announced that they leave", { leaving: true }],
    ["were critical", { checks: [check("critical")] }],
    ["never passed", { checks: [check("critical")], everPassed: false }],
  ])("lets all go that %s", (_, state) => {
    expect(
      read([
        [0, instances(4, state)],
        [1_000, []],
      ]),
    ).toMatchObject({ names: [], alerts: [] });
  });

  it("lets instances be replaced in place", () => {
    const replaced = four.map((one) => ({ ...one, id: `${one.id}-new` }));
    expect(
      read([
        [0, four],
        [1_000, replaced],
      ]),
    ).toMatchObject({ names: replaced.map(keyOf), alerts: [] });
  });

  it("keeps held endpoints in use as they were last seen", () => {
    const weighted = instances(3, { weights: { passing: 7, warning: 1 } });
    const { held } = read([
      [0, weighted],
      [1, []],
    ]);
    expect(held.map((one) => endpointOf(one))).toMatchObject([{ health: "HEALTHY", weight: 7 }, { weight: 7 }, { weight: 7 }]);
  });

  it("never loses what is present, never invents, and holds nothing beyond its time", () => {
    const pool = [...instances(6), instance({ node: "host-9", id: "orders-9", address: "10.0.0.9", leaving: true })];
    const step = fc.record({ wait: fc.integer({ min: 0, max: 40_000 }), present: fc.subarray(pool) });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
        let state: GuardState | undefined;
        let now = 0;
        const lastSeen = new Map<string, number>();
        for (const { wait, present } of steps) {
          now += wait;
          const next: CatalogService = { name: "orders", instances: present };
          const before = new Map(lastSeen);
          const result = applyMassLossGuard(state, next, now);
          state = result.state;
          expect(result.service.instances.slice(0, present.length)).toEqual(present);
          for (const one of result.held) {
            expect(before.has(keyOf(one))).toBe(true);
            expect(present.map(keyOf)).not.toContain(keyOf(one));
            expect(isServing(endpointOf(one))).toBe(true);
          }
          expect(new Set(result.service.instances.map(keyOf)).size).toBe(result.service.instances.length);
          if (result.releaseAt !== undefined) {
            expect(result.releaseAt).toBeGreaterThan(now);
            expect(applyMassLossGuard(state, next, now + guardLimits.hold).held).toEqual([]);
          }
          for (const one of present) lastSeen.set(keyOf(one), now);
        }
      }),
    );
  });
});
