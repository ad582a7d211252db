import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Instance } from "../catalog/instance.js";
import { type Choice, instanceOf, type NamedApplication, startChoice, startNamed } from "./choice.js";
import { check } from "./instances.js";

const names = ["a", "b", "c", "d"];
let apps: NamedApplication[] = [];
let choice: Choice | undefined;
beforeAll(async () => {
  apps = await Promise.all(names.map(startNamed));
});
afterEach(async () => {
  await choice?.stop();
  choice = undefined;
});
afterAll(() => Promise.all(apps.map((app) => app.stop())));

const named = (name: string, overrides: Partial<Instance> = {}) => instanceOf(apps[names.indexOf(name)] as NamedApplication, overrides);
const version = (text: string) => ({ meta: { version: text } });
const to = (subset: string) => () => ({ headers: { "x-subset": subset } });

async function start(instances: readonly Instance[], more = ""): Promise<Choice> {
  const subsets = '{ v1: { version: "1" }, v2: { version: "2" }, beta: { tags: [beta] }, blue: { meta: { color: blue }, version: "2" } }';
  const policy = `apiVersion: legation/v1\nkind: Service\nname: orders\nsubsets: ${subsets}\n${more}`;
  const rules = ["v1", "v2", "beta", "blue"].map(
    (name) => `  - { match: { headers: { x-subset: { exact: ${name} } } }, to: [{ subset: ${name} }] }\n`,
  );
  const route = `---\napiVersion: legation/v1\nkind: Route\nname: by-header\nservice: orders\nrules:\n${rules.join("")}`;
  choice = await startChoice(`${policy}${route}`, instances);
  return choice;
}

const turns = "balancing: { strategy: weighted_round_robin, slowStart: 0s }\n";

describe("requests for a subset", () => {
  it("reach its instances alone, by their weights, and others reach all", async () => {
    const weighing = (passing: number) => ({ weights: { passing, warning: 1 } });
    const { count } = await start(
      [
        named("a", version("1")),
        named("b", { ...version("2"), tags: ["beta", "x"] }),
        named("c", { ...version("2"), ...weighing(3) }),
        named("d", { meta: { version: "2", color: "blue" }, tags: ["beta"], ...weighing(3) }),
      ],
      turns,
    );
    const sorted = async (subset: string) => [...(await count(70, to(subset), 1))].sort();
    expect(await sorted("v1")).toEqual([["a", 70]]);
    expect(await sorted("blue")).toEqual([["d", 70]]);
    expect(Math.abs(((await count(80, to("beta"), 1)).get("b") ?? 0) - 20)).toBeLessThanOrEqual(2);
    const two = await count(70, to("v2"), 1);
    expect([...two.keys()].sort()).toEqual(["b", "c", "d"]);
    expect(Math.abs((two.get("b") ?? 0) - 10)).toBeLessThanOrEqual(2);
    expect([...(await count(80, undefined, 1)).keys()].sort()).toEqual(names);
  });

  it("are answered 503 while it has no instance, and reach one that comes", async () => {
    const { count, change } = await start([named("a", version("1")), named("b", version("1"))]);
    expect(await count(20, to("v2"))).toEqual(new Map([["503", 20]]));
    await change([named("a", version("1")), named("b", version("1")), named("c", version("2"))]);
    expect(await count(20, to("v2"))).toEqual(new Map([["c", 20]]));
    await change([named("a", version("1")), named("b", version("1"))]);
    expect(await count(20, to("v2"))).toEqual(new Map([["503", 20]]));
  });

  it("are tried again at another instance of it", async () => {
    const gone = await startNamed("gone");
    await gone.stop();
    const policies = "balancing: { strategy: random }\nretries: { attempts: 2 }\ncircuitBreaker: { failureThreshold: 1000000 }\n";
    const { count, stats } = await start([instanceOf(gone, version("2")), named("b", version("2")), named("a", version("1"))], policies);
    // Without avoiding the instance that was tried, an eighth would be tried there three times.
    expect(await count(200, to("v2"))).toEqual(new Map([["b", 200]]));
    expect((await stats()).get("cluster.orders.upstream_rq_retry")).toBeGreaterThan(50);
  });

  it("pass over an instance of it that is ejected", async () => {
    const gone = await startNamed("gone");
    await gone.stop();
    const policies = `${turns}retries: { attempts: 0 }\ncircuitBreaker: { failureThreshold: 3 }\n`;
    const { count, stats } = await start([instanceOf(gone, version("2")), named("b", version("2")), named("a", version("1"))], policies);
    expect((await count(20, to("v2"), 1)).get("503")).toBe(3);
    expect(await count(20, to("v2"), 1)).toEqual(new Map([["b", 20]]));
    expect((await stats()).get("cluster.orders.outlier_detection.ejections_active")).toBe(1);
  });

  it.each([
    ["tried all the same when none of it is healthy", "", "b"],
    ["answered 503 then, with fail-fast", "circuitBreaker: { whenAllFail: fail-fast }\n", "503"],
  ])("are %s", async (_, policies, answer) => {
    const ill = { ...version("2"), checks: [check("critical")] };
    const { count } = await start([named("a", version("1")), named("b", ill)], policies);
    expect(await count(20, to("v2"))).toEqual(new Map([[answer, 20]]));
    expect(await count(20)).toEqual(new Map([["a", 20]]));
  });

  it("stay with one of its instances where requests are hashed", async () => {
    const { who } = await start(
      names.map((name, i) => named(name, version(i === 0 ? "1" : "2"))),
      "balancing: { strategy: maglev, hashOn: [{ header: x-user }] }\n",
    );
    const asked = Array.from({ length: 60 }, (_, i) => ({ headers: { "x-subset": "v2", "x-user": `user-${i % 12}` } }));
    const chosen = await who(asked);
    expect(chosen).toEqual(chosen.map((_, i) => chosen[i % 12]));
    expect([...new Set(chosen)].sort()).toEqual(["b", "c", "d"]);
  });
});
