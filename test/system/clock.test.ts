/** A wall clock that jumps changes nothing: every limit and wait goes by a clock that only goes forward. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { until } from "@legation/local";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { limitMs, load, passing, untilUsable, useMesh } from "./fixture.js";

const hour = 3_600_000;

describe("the wall clock of agents, services and control plane", () => {
  const dir = mkdtempSync(join(tmpdir(), "legation-clock-"));
  const file = join(dir, "offset");
  const jump = (ms: number) => writeFileSync(file, String(ms));
  const before = process.env["NODE_OPTIONS"];
  beforeAll(() => {
    process.env["NODE_OPTIONS"] = `--import=${fileURLToPath(new URL("jumped-date.mjs", import.meta.url))}`;
    process.env["JUMPED_DATE_FILE"] = file;
  });
  const state = useMesh({}, async (mesh) => {
    const orders = [];
    for (const id of ["orders-1", "orders-2"]) orders.push(await mesh.startService({ name: "orders", id }));
    const web = await mesh.startService({ name: "web", dependencies: ["orders"] });
    await untilUsable(web, "orders", orders);
    return { orders, web };
  });
  afterAll(() => {
    if (before === undefined) delete process.env["NODE_OPTIONS"];
    else process.env["NODE_OPTIONS"] = before;
    rmSync(dir, { recursive: true });
  });

  it.each([
    ["an hour ahead", hour],
    ["two hours back from there", -hour],
    ["back to the truth", 0],
  ])("jumps %s: nothing is restarted or leaves, and a restart loses nothing", async (_where, offset) => {
    const { mesh, orders, web } = state();
    const [first] = orders;
    if (!first) throw new Error("two instances were started");
    const pids = await Promise.all(orders.map((service) => service.pids()));
    const traffic = load(web, "orders");
    jump(offset);
    const logged = () => readFileSync(first.log, "utf8").trimEnd().split("\n");
    const begin = logged().length;
    // Three heartbeats are the time to live of the check in Consul.
    const stretch = traffic.stretch();
    await until(() => stretch.report().succeeded >= 450, { what: "answers over more than three heartbeats", limitMs });
    for (const { id } of orders) expect(await passing(mesh, "orders", id)).toBe(true);
    expect(await Promise.all(orders.map((service) => service.pids()))).toEqual(pids);
    const events = logged()
      .slice(begin)
      .map((line) => JSON.parse(line) as { event: string; time: string });
    expect(events.filter(({ event }) => event.startsWith("service.") && event !== "service.output")).toEqual([]);

    const start = performance.now();
    expect(await first.stop()).toBe(0);
    expect(performance.now() - start).toBeLessThan(30_000);
    const last = JSON.parse(logged().at(-1) ?? "{}") as { time: string };
    // The jump has reached the agent: its log is off by it.
    expect(Math.abs(new Date(last.time).getTime() - Date.now() - offset)).toBeLessThan(60_000);
    await first.restart();
    await untilUsable(web, "orders", orders);
    expect((await traffic.stop()).failuresByReason).toEqual({});
  });
});
