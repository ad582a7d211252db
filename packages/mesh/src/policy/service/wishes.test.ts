import { encodeMeta } from "@legation/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileService } from "../../compile-service.js";
import { instances } from "../../proof/instances.js";
import { defaultSettings } from "../traffic/settings.js";
import { noTraffic } from "../traffic/traffic-policies.js";
import { withWishes } from "./wishes.js";

/** An instance for each set of wishes. */
const wishing = (...all: Record<string, string>[]) =>
  instances(all.length).map((one, i) => ({
    ...one,
    meta: encodeMeta({ protocol: "http", dependencies: [], wishes: all[i] ?? {}, user: {} }),
  }));
const settled = (...all: Record<string, string>[]) => {
  const { settings, problems } = withWishes(wishing(...all), defaultSettings);
  return { strategy: settings.balancing.strategy, threshold: settings.circuitBreaker.failureThreshold, problems };
};
const untouched = { strategy: "health_based", threshold: 5, problems: [] };

describe("a service's wishes", () => {
  it("are put above the defaults, each by itself", () => {
    expect(settled({ balancing: "round_robin", "failure-threshold": "3" })).toEqual({
      strategy: "round_robin",
      threshold: 3,
      problems: [],
    });
    expect(settled({ "failure-threshold": "1000000" })).toEqual({ ...untouched, threshold: 1_000_000 });
  });

  it("change nothing when there are none, or none for proxies", () => {
    expect(settled()).toEqual(untouched);
    expect(settled({}, { "health-interval": "1000" })).toEqual(untouched);
    expect(withWishes(wishing({}, {}), defaultSettings).settings).toBe(defaultSettings);
  });

  it("hold as most instances say, and those that differ are named", () => {
    expect(settled({ balancing: "random" }, {}, { balancing: "random" })).toEqual({
      ...untouched,
      strategy: "random",
      problems: ["its instances wish for different balancing: random holds, and not that of host-1/orders-1 (none). Register all with one"],
    });
    expect(settled({}, {}, { balancing: "random" })).toMatchObject({ strategy: "health_based", problems: [/: none holds.*\(random\)/] });
  });

  it("go before none, and by name among themselves, where as many say one as the other", () => {
    expect(settled({}, { balancing: "random" }).strategy).toBe("random");
    expect(settled({ balancing: "round_robin" }, { balancing: "random" }).strategy).toBe("random");
  });

  it.each([
    ["balancing", "hash"],
    ["balancing", "constructor"],
    ["failure-threshold", "0"],
    ["failure-threshold", "many"],
    ["failure-threshold", "1e3"],
    ["failure-threshold", "1000001"],
  ])("that cannot be fulfilled, %s %s, leave the default and are told", (key, text) => {
    expect(settled({ [key]: text })).toEqual({ ...untouched, problems: [expect.stringContaining(`"${text}" for ${key}`)] });
  });

  it("reach the cluster and nothing else, whatever the order of the instances", () => {
    const word = fc.constantFrom("", "random", "round_robin", "hash", "7", "9");
    const wishes = fc.record({ balancing: word, "failure-threshold": word });
    fc.assert(
      fc.property(fc.array(wishes, { minLength: 1, maxLength: 6 }), (all) => {
        const list = wishing(...all);
        const compiled = compileService({ name: "orders", instances: list }, noTraffic);
        expect(compileService({ name: "orders", instances: [...list].reverse() }, noTraffic)).toEqual(compiled);
        const plain = compileService({ name: "orders", instances: wishing(...all.map(() => ({}))) }, noTraffic);
        expect(compiled.endpoints).toEqual(plain.endpoints);
        const { settings } = withWishes(list, defaultSettings);
        expect(compiled.cluster.version === plain.cluster.version).toBe(JSON.stringify(settings) === JSON.stringify(defaultSettings));
      }),
    );
  });
});
