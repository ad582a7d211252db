/** `health_based` on real Envoys: what is measured of an instance decides what it gets, at every control plane alike. */

import { httpSender, startLoad, until } from "@legation/local";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Stage, startStage } from "../bench/balancing/stage.js";

const limitMs = 60_000;

/**
 * Bounds are such that a run fails by chance less than once in a million times. A share of 10 ‰ of its weight is 0.33 % of the requests to four
 * instances: of 3,000 that is 10, and 30 of them (1 %, from where on the 99th percentile is that instance's) have a probability of 3e-7 even
 * if they came at random, while Envoy's schedule takes an instance in turn. Times themselves are for the bench: here other tests run beside.
 */
const requests = 3_000;
const rate = 150;
const most = requests / 100;
/** Where the difference is so large that fewer do. */
const few = 600;

describe("health_based", () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await startStage(4, 2);
    for (const instance of stage.orders) await stage.control(instance, { delayMs: 60 });
  });
  afterAll(() => stage?.mesh.stop());

  const sick = () => stage.orders[0];
  const plane = (index: number) => {
    const found = stage.planes[index];
    if (!found) throw new Error(`there is no control plane ${index}`);
    return found;
  };
  /** Far enough apart that what else this machine does cannot hide it; milliseconds. */
  const usual = { delayMs: 60 };
  const slow = { delayMs: 600 };
  const alone = { ejection: false } as const;
  const toSick = (report: { readonly byInstance: Readonly<Record<string, number>> }) => report.byInstance["orders-1"] ?? 0;
  /** Load until the caller's Envoy gives the sick one as much as wanted. */
  const untilShare = async (what: string, holds: (share: number) => boolean) => {
    const stopped = new AbortController();
    const sending = (async () => {
      while (!stopped.signal.aborted) await stage.measure(rate, rate);
    })();
    try {
      await stage.untilShare(sick(), what, holds);
    } finally {
      stopped.abort();
      await sending;
    }
  };

  it("keeps an instance that is ten times slower out of the 99th percentile, where round robin has it", async () => {
    await stage.control(sick(), slow);
    await stage.choose({ strategy: "round_robin", ...alone });
    const before = await stage.measure(few, rate);
    expect(before.latency.p99).toBeGreaterThan(slow.delayMs);
    expect(toSick(before)).toBeGreaterThan(few / 5);
    await stage.choose({ strategy: "health_based", ...alone });
    await untilShare("the slow instance to keep little of its weight", (share) => share <= 0.01);
    const after = await stage.measure(requests, rate);
    expect(after.failed + before.failed).toBe(0);
    expect(toSick(after)).toBeLessThan(most);
  });

  it("is the same at both control planes, and a restart or a failover sends the proxies nothing", async () => {
    const shares = async (index: number) =>
      (await plane(index).get<{ instances: { id: string; share: number }[] }>("/services/orders")).instances.map(({ id, share }) => [
        id,
        share,
      ]);
    const agreed = await until(
      async (note) => {
        const [one, two] = [await shares(0), await shares(1)];
        note([one, two]);
        return JSON.stringify(one) === JSON.stringify(two) ? one : undefined;
      },
      { what: "both control planes to give the same shares", limitMs },
    );
    expect(agreed[0]?.[1]).toBeLessThanOrEqual(2);
    // With requests on, nobody is idle, and so nothing is measured anew.
    const web = startLoad({ sender: httpSender({ url: `${stage.web.outbound}/`, headers: { host: "orders" } }), rate });
    const proxies = async (index: number) => plane(index).get<{ connected: number; resourcesSent: number }>("/api/proxies");
    // Those that are connected to the first go to the second, and what has started again gets them back.
    const before = (await proxies(0)).connected;
    const sent = (await proxies(1)).resourcesSent;
    await plane(0).kill9();
    await until(async () => (await proxies(1)).connected === stage.orders.length + 1, { what: "all proxies at the second", limitMs });
    expect((await proxies(1)).resourcesSent - sent, `of ${before}`).toBe(0);
    await plane(0).restart();
    await until(async () => JSON.stringify(await shares(0)) === JSON.stringify(agreed), {
      what: "the first to know the shares again",
      limitMs,
    });
    await plane(1).kill9();
    await until(async () => (await proxies(0)).connected === stage.orders.length + 1, { what: "all proxies at the first", limitMs });
    expect(await shares(0)).toEqual(agreed);
    expect((await proxies(0)).resourcesSent).toBe(0);
    expect((await web.stop()).failed).toBe(0);
    await plane(1).restart();
  });

  it("gives an instance that has recovered its weight back", async () => {
    await stage.control(sick(), usual);
    await untilShare("the instance to have all of its weight", (share) => share === 1);
    // A quarter is its due, and 0.33 % what it had; while other tests run beside, it may look slow for a moment.
    expect(toSick(await stage.measure(few, rate))).toBeGreaterThan(few / 20);
  });

  it("makes less than 0.3 of round robin's errors when one instance fails every other request", async () => {
    await stage.control(sick(), { failing: 2 });
    await stage.choose({ strategy: "round_robin", ...alone });
    const before = await stage.measure(few, rate);
    expect(before.failed).toBeGreaterThan(few / 20);
    await stage.choose({ strategy: "health_based", ...alone });
    await untilShare("the failing instance to keep little of its weight", (share) => share <= 0.01);
    const after = await stage.measure(2 * few, rate);
    // Of 1,200 requests 2 or 3 fail; 45, which would be too many, have a probability of less than 1e-20.
    expect(after.failed / (2 * before.failed)).toBeLessThan(0.3);
  });
});
