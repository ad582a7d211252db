import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { binomialBounds } from "./binomial.js";
import { type Choice, instanceOf, type NamedApplication, startChoice, startNamed } from "./choice.js";

const keys = 1_000;
const names = ["a", "b", "c", "d", "e", "f"];
let apps: NamedApplication[] = [];
let choice: Choice | undefined;
beforeAll(async () => {
  apps = await Promise.all(names.map(startNamed));
});
afterEach(async () => {
  for (const app of apps) app.release();
  await choice?.stop();
  choice = undefined;
});
afterAll(() => Promise.all(apps.map((app) => app.stop())));

const five = () => apps.slice(0, 5).map((app) => instanceOf(app));
async function balancing(written: string): Promise<Choice> {
  choice = await startChoice(`apiVersion: legation/v1\nkind: Service\nname: orders\nbalancing: ${written}\n`, five());
  return choice;
}
const byUser = Array.from({ length: keys }, (_, i) => ({ headers: { "x-user": `user-${i}` } }));

// Keys that move between instances that stay, when one of five goes or a sixth comes: each endpoint has 1024 ÷ 5 places on the ring, and has
// others when they are 1024 ÷ 4 or ÷ 6. Maglev's table hardly moves any.
describe.each([
  { strategy: "ring_hash", most: 0.15 * keys },
  { strategy: "maglev", most: 0.03 * keys },
])("$strategy", ({ strategy, most: mostStrayed }) => {
  it("moves few keys but those that it must when an instance comes or goes, and none when one comes back at another port", async () => {
    const { who, change } = await balancing(`{ strategy: ${strategy}, hashOn: [{ header: X-User }] }`);
    const before = await who(byUser);
    expect(await who(byUser)).toEqual(before);
    for (const name of names.slice(0, 5)) expect(before.filter((one) => one === name).length).toBeGreaterThan(keys / 20);

    const moved = await startNamed("c");
    const elsewhere = five().map((one) => (one.id === "c" ? instanceOf(moved) : one));
    await change(elsewhere);
    expect(await who(byUser)).toEqual(before);
    await change(five());
    await moved.stop();

    await change(five().filter(({ id }) => id !== "e"));
    const without = await who(byUser);
    expect(without).not.toContain("e");
    const lost = before.filter((name, i) => name !== "e" && without[i] !== name).length;
    expect(lost).toBeLessThanOrEqual(mostStrayed);

    await change(apps.map((app) => instanceOf(app)));
    const joined = await who(byUser);
    const taken = joined.filter((name) => name === "f").length;
    const { least, most } = binomialBounds(keys, 1 / 6);
    expect(taken).toBeGreaterThan(least / 2);
    expect(taken).toBeLessThan(most * 1.5);
    const strayed = before.filter((name, i) => joined[i] !== "f" && joined[i] !== name).length;
    expect(strayed).toBeLessThanOrEqual(mostStrayed);
  });
});

describe("what of a request chooses its instance", () => {
  it("is the first of hashOn that it has, and chance where it has none", async () => {
    const { who, count } = await balancing("{ strategy: maglev, hashOn: [{ cookie: { name: session } }, { query: user }] }");
    const bySession = (user: string) =>
      Array.from({ length: 50 }, (_, i) => ({ path: `/?user=${user}`, headers: { cookie: `other=1; session=s${i}` } }));
    expect(await who(bySession("x"))).toEqual(await who(bySession("y")));
    const byQuery = Array.from({ length: 200 }, (_, i) => ({ path: `/?x=${i}&user=u${i % 10}` }));
    const chosen = await who(byQuery);
    expect(chosen).toEqual(chosen.map((_, i) => chosen[i % 10]));
    expect(new Set(chosen).size).toBeGreaterThan(1);
    const { least } = binomialBounds(500, 1 / 5);
    for (const n of (await count(500)).values()) expect(n).toBeGreaterThanOrEqual(least);
  });

  it("is a cookie that Envoy makes where one has none, for its ttl", async () => {
    const { send, who } = await balancing("{ strategy: ring_hash, hashOn: [{ cookie: { name: seat, ttl: 1h, path: / } }] }");
    const first = await send();
    expect(first.cookies).toEqual([expect.stringMatching(/^seat="?[0-9a-f]+"?; Max-Age=3600; Path=\/; HttpOnly$/)]);
    const cookie = first.cookies[0]?.split(";")[0] ?? "";
    const later = await who(Array.from({ length: 100 }, () => ({ headers: { cookie } })));
    expect(new Set(later)).toEqual(new Set([first.name]));
  });

  it("is the client's address", async () => {
    const { who } = await balancing("{ strategy: ring_hash, hashOn: [{ source: address }] }");
    const from = (i: number) => ({ from: `127.0.0.${10 + (i % 20)}` });
    const chosen = await who(Array.from({ length: 100 }, (_, i) => from(i)));
    expect(chosen).toEqual(chosen.map((_, i) => chosen[i % 20]));
    expect(new Set(chosen).size).toBeGreaterThan(1);
  });
});

it.each([
  ["", 12],
  [", boundedLoad: 125%", 4],
])("one busy key is kept to one instance unless its load is bounded (ring_hash%s)", async (bound, most) => {
  const { send } = await balancing(`{ strategy: ring_hash, hashOn: [{ header: x-user }]${bound} }`);
  const waiting: Promise<unknown>[] = [];
  for (let i = 1; i <= 12; i++) {
    waiting.push(send({ path: "/hold", headers: { "x-user": "busy" } }));
    for (
      const end = Date.now() + 25_000;
      apps.reduce((sum, app) => sum + app.held, 0) < i;
      await new Promise((resolve) => setTimeout(resolve, 5))
    )
      if (Date.now() > end) throw new Error("the request did not arrive within 25 s");
  }
  // 125 % of 12 over 5 instances is 3, and one that has exactly so many takes one more.
  expect(Math.max(...apps.map((app) => app.held))).toBe(most);
  for (const app of apps) app.release();
  await Promise.all(waiting);
});
