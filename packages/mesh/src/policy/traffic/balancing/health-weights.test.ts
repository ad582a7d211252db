import { fromBinary } from "@bufbuild/protobuf";
import { loadScale, type ReportedLoad } from "@legation/contract";
import { ClusterLoadAssignmentSchema } from "@legation/envoy-api/envoy/config/endpoint/v3/endpoint";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CatalogService, type Instance, keyOf } from "../../../catalog/instance.js";
import { compileService } from "../../../compile-service.js";
import { check, instance } from "../../../proof/instances.js";
import { noTraffic } from "../traffic-policies.js";
import { fullShare, healthShares, shareLadder } from "./health-weights.js";

const orders = (count: number, of: (index: number) => Partial<Instance> = () => ({})): CatalogService => ({
  name: "orders",
  instances: Array.from({ length: count }, (_, index) => instance({ id: `o${index}`, address: `10.0.0.${index + 1}`, ...of(index) })),
});

/** The figures of `o0`, `o1`, … in that order. */
const given = (...loads: (Partial<ReportedLoad> | undefined)[]) => {
  const byKey = new Map(orders(loads.length).instances.map((one, index) => [keyOf(one), loads[index]]));
  return (key: string): ReportedLoad | undefined => {
    const load = byKey.get(key);
    return load && { latency: 6, errors: 0, idle: 0, ...load };
  };
};
const sharesOf = (...loads: (Partial<ReportedLoad> | undefined)[]) => {
  const shares = healthShares(orders(loads.length), given(...loads));
  return orders(loads.length).instances.map((one) => shares.get(keyOf(one)) ?? fullShare);
};

const anyLoad = fc.record({
  latency: fc.nat(loadScale.latency),
  errors: fc.nat(loadScale.errorRates.length),
  idle: fc.nat(loadScale.idle),
});
const anyLoads = fc.array(fc.option(anyLoad, { nil: undefined }), { minLength: 1, maxLength: 20 });

describe("shares by health", () => {
  it("are all of the weight where instances are equal, however slow or failing", () => {
    fc.assert(
      fc.property(anyLoad, fc.integer({ min: 1, max: 20 }), (load, count) => {
        expect(healthShares(orders(count), () => load).size).toBe(0);
      }),
    );
  });

  it("leave an instance that is ten times slower, or fails every other request, a hundredth or less", () => {
    const others = Array.from({ length: 9 }, () => ({ latency: 9 }));
    for (const slower of [6, 7, 8, 20]) expect(sharesOf({ latency: 9 + slower }, ...others)[0], `${slower}`).toBeLessThanOrEqual(10);
    expect(sharesOf({ latency: 9, errors: 4 }, ...others)[0]).toBe(10);
    expect(sharesOf({ latency: 9, errors: 4 }, ...others).slice(1)).toEqual(others.map(() => fullShare));
  });

  it("are all of the weight up to three times as slow", () => {
    expect(sharesOf({ latency: 9 }, {}, {}, {})).toEqual([1_000, 1_000, 1_000, 1_000]);
    expect(sharesOf({ latency: 10 }, {}, {}, {})).toEqual([100, 1_000, 1_000, 1_000]);
  });

  it("do not take an instance that fails quickly for the measure of the others", () => {
    expect(sharesOf({ latency: 0, errors: 4 }, { latency: 14 })).toEqual([10, 1_000]);
  });

  it("go up with the time in which an instance had too few requests", () => {
    const shares = [0, 1, 2, 3, 4, 5, 6].map((idle) => sharesOf({ latency: 30, idle }, {}, {})[0]);
    expect(shares).toEqual([...shareLadder].reverse().slice(0, 7));
  });

  it("leave an instance without figures alone", () => {
    expect(sharesOf(undefined, { latency: 20 }, {}, {})).toEqual([1_000, 5, 1_000, 1_000]);
  });

  it("measure by those that serve", () => {
    const drained = orders(3, (index) => (index < 2 ? { leaving: true } : {}));
    expect(healthShares(drained, given({ latency: 0 }, { latency: 0 }, { latency: 20 })).size).toBe(0);
    const all = orders(2, () => ({ checks: [check("critical", "c")] }));
    expect(healthShares(all, given({ latency: 0 }, { latency: 20 })).size).toBe(0);
  });

  it("are rungs of the ladder, leave half of the measured instances alone, and are never more for who answers worse", () => {
    fc.assert(
      fc.property(anyLoads, (loads) => {
        const shares = sharesOf(...loads);
        for (const share of shares) expect(shareLadder).toContain(share);
        const measured = loads.flatMap((load, index) => (load ? [{ load, share: shares[index] ?? 0 }] : []));
        if (measured.length > 0) expect(measured.some(({ share }) => share === fullShare)).toBe(true);
        for (const a of measured)
          for (const b of measured)
            if (a.load.latency <= b.load.latency && a.load.errors <= b.load.errors && a.load.idle >= b.load.idle)
              expect(a.share).toBeGreaterThanOrEqual(b.share);
      }),
    );
  });

  it("are the same in whatever order the instances come", () => {
    fc.assert(
      fc.property(anyLoads, fc.infiniteStream(fc.nat()), (loads, random) => {
        const service = orders(loads.length);
        const order = new Map(service.instances.map((one) => [one, random.next().value]));
        const shuffled = { ...service, instances: [...service.instances].sort((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0)) };
        const loadOf = given(...loads);
        expect(Object.fromEntries(healthShares(shuffled, loadOf))).toEqual(Object.fromEntries(healthShares(service, loadOf)));
      }),
    );
  });
});

describe("endpoints that have shares", () => {
  const weights = (service: CatalogService, policies = noTraffic) =>
    fromBinary(ClusterLoadAssignmentSchema, compileService(service, policies).endpoints.bytes).endpoints.flatMap(({ lbEndpoints }) =>
      lbEndpoints.map((endpoint) => endpoint.loadBalancingWeight),
    );

  it("keep Consul's weights while all shares are whole, and else carry them multiplied", () => {
    const weighing = (index: number) => ({ weights: { passing: index + 1, warning: 1 } });
    expect(weights(orders(3, weighing))).toEqual([1, 2, 3]);
    expect(weights(orders(3, (index) => ({ ...weighing(index), ...(index === 1 ? { share: 5 } : {}) })))).toEqual([1_000, 10, 3_000]);
  });

  it("keep Consul's weights under every other strategy", () => {
    const balancing = { ...noTraffic.base.balancing, strategy: "least_connections" } as const;
    const policies = { ...noTraffic, base: { ...noTraffic.base, balancing } };
    expect(
      weights(
        orders(2, () => ({ share: 5 })),
        policies,
      ),
    ).toEqual([1, 1]);
  });

  it("never weigh more together than Envoy takes, nor less than 1", () => {
    const weight = fc.integer({ min: 1, max: 65_535 });
    fc.assert(
      fc.property(fc.array(fc.tuple(weight, fc.constantFrom(...shareLadder)), { minLength: 1, maxLength: 250 }), (list) => {
        const given = weights(
          orders(list.length, (index) => {
            const [passing = 1, share = 1] = list[index] ?? [];
            return { weights: { passing, warning: 1 }, share };
          }),
        );
        expect(given.reduce<number>((sum, one) => sum + (one ?? 0), 0)).toBeLessThanOrEqual(0xffff_ffff);
        expect(given.every((one) => (one ?? 0) >= 1)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });
});
