import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Instance } from "../catalog/instance.js";
import { type Choice, instanceOf, type NamedApplication, startChoice, startNamed } from "./choice.js";
import { until } from "./figures.js";
import { check } from "./instances.js";
import { expectShare } from "./share.js";

let apps: NamedApplication[] = [];
let choice: Choice | undefined;
beforeAll(async () => {
  apps = await Promise.all(["a", "b", "c", "d"].map(startNamed));
});
afterEach(async () => {
  for (const app of apps) app.release();
  await choice?.stop();
  choice = undefined;
});
afterAll(() => Promise.all(apps.map((app) => app.stop())));

/** The Envoy of a caller of the first `count` applications under this `balancing`. */
async function balancing(written: string, count: number, overrides: (i: number) => Partial<Instance> = () => ({})): Promise<Choice> {
  const policy = `apiVersion: legation/v1\nkind: Service\nname: orders\nbalancing: ${written}\n`;
  choice = await startChoice(
    policy,
    apps.slice(0, count).map((app, i) => instanceOf(app, overrides(i))),
  );
  return choice;
}
/** How long is waited for anything; seconds. */
const patience = 25;
const weights = (passing: number) => ({ weights: { passing, warning: 1 } });

describe("requests to a service are spread", () => {
  it("in turns by round_robin, whatever the weights in Consul", async () => {
    const { count } = await balancing("{ strategy: round_robin, slowStart: 0s }", 3, (i) => weights(i + 1));
    expect([...(await count(300, undefined, 1))].sort()).toEqual(["a", "b", "c"].map((name) => [name, 100]));
  });

  it("by the weights in Consul by weighted_round_robin", async () => {
    const { count } = await balancing("{ strategy: weighted_round_robin, slowStart: 0s }", 3, (i) => weights(i + 1));
    const counts = await count(600, undefined, 1);
    for (const [i, name] of ["a", "b", "c"].entries()) expect(Math.abs((counts.get(name) ?? 0) - 100 * (i + 1))).toBeLessThanOrEqual(3);
  });

  it("by chance by random: each as often, and often one twice", async () => {
    const { who } = await balancing("{ strategy: random }", 3, (i) => weights(2 * i + 1));
    const names = await who(Array.from({ length: 3_000 }, () => ({})));
    for (const name of ["a", "b", "c"]) expectShare(names.filter((one) => one === name).length, 3_000, 1 / 3);
    expectShare(names.filter((one, i) => one === names[i - 1]).length, 2_999, 1 / 3);
  });

  it.each([
    ["2", 2],
    ["6", 6],
  ])("by least_connections to the least busy of %s that are drawn", async (_, choices) => {
    const { send, count } = await balancing(`{ strategy: least_connections, slowStart: 0s, choices: ${choices} }`, 4);
    const busy = apps[0] as NamedApplication;
    const waiting: Promise<unknown>[] = [];
    for (let i = 0; i < 200 && busy.held === 0; i++) {
      const total = apps.reduce((sum, app) => sum + app.held, 0);
      waiting.push(send({ path: "/hold" }));
      await until("the request is held", () => apps.reduce((sum, app) => sum + app.held, 0) > total, patience);
      for (const app of apps) if (app !== busy) app.release();
    }
    await until("all but one are idle", () => apps.every((app) => app === busy || app.held === 0), patience);
    const counts = await count(1_500, undefined, 1);
    expectShare(counts.get("a") ?? 0, 1_500, 0.25 ** choices);
    busy.release();
    await Promise.all(waiting);
  });

  it("to all, whatever their health, when fewer are healthy than panicThreshold", async () => {
    const ill = (i: number) => (i > 0 ? { checks: [check("critical")] } : {});
    const calm = await balancing("{ strategy: round_robin, slowStart: 0s }", 3, ill);
    expect(await calm.count(90)).toEqual(new Map([["a", 90]]));
    await calm.stop();
    const { count } = await balancing("{ strategy: round_robin, slowStart: 0s, panicThreshold: 50% }", 3, ill);
    expect([...(await count(90, undefined, 1))].sort()).toEqual(["a", "b", "c"].map((name) => [name, 30]));
  });

  it("with a share for a new instance that grows over slowStart", async () => {
    const window = 3_000;
    const { count, change } = await balancing("{ strategy: round_robin, slowStart: 3s }", 1);
    const started = Date.now();
    await until("the first has had its slow start", () => Date.now() - started > window, patience);
    await change(apps.slice(0, 2).map((app) => instanceOf(app)));
    const added = Date.now();
    const first = (await count(200, undefined, 4)).get("b") ?? 0;
    const elapsed = Date.now() - added + 200;
    // Envoy's weight of a new endpoint: at least a tenth, then its age over the window.
    const weight = Math.max(0.1, elapsed / window);
    expect(weight).toBeLessThan(0.6);
    expect(first).toBeGreaterThan(0);
    expect(first).toBeLessThanOrEqual(Math.ceil((200 * weight) / (1 + weight)) + 2);
    const half = async () => Math.abs(((await count(200, undefined, 4)).get("b") ?? 0) - 100) <= 2;
    await until("both have the same share", async () => Date.now() - added > window && (await half()), patience);
  });
});
