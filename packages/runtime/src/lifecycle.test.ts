import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import { createLifecycle } from "./lifecycle.js";
import { createLogger } from "./log.js";
import { createTestClock } from "./testing.js";

class FakeHost extends EventEmitter {
  readonly exits: number[] = [];
  exit(code: number) {
    this.exits.push(code);
  }
}

function setUp() {
  const lines: Record<string, unknown>[] = [];
  const log = createLogger({ name: "test", level: "debug", destination: { write: (line) => void lines.push(JSON.parse(line)) } });
  const clock = createTestClock();
  const host = new FakeHost();
  const lifecycle = createLifecycle(log, { clock, host });
  const order: string[] = [];
  const hook = (name: string, ms = 0) =>
    lifecycle.onStop(name, 1_000, async () => {
      order.push(`${name} begins`);
      if (ms > 0) await clock.sleep(ms);
      order.push(`${name} ends`);
    });
  return { lifecycle, clock, host, order, hook, events: () => lines.map((line) => line["event"]), lines };
}

describe("stop", () => {
  it("runs the hooks one by one, the last registered first", async () => {
    const { lifecycle, clock, order, hook } = setUp();
    hook("first", 10);
    hook("second", 20);
    const stopped = lifecycle.stop("test");
    expect(lifecycle.stopping.aborted).toBe(true);
    await clock.advance(30);
    await stopped;
    expect(order).toEqual(["second begins", "second ends", "first begins", "first ends"]);
    expect(await lifecycle.stopped).toBe("test");
  });

  it("stops once, however often it is asked to", async () => {
    const { lifecycle, order, hook } = setUp();
    hook("only");
    await Promise.all([lifecycle.stop("a"), lifecycle.stop("b")]);
    await lifecycle.stop("c");
    expect(order).toEqual(["only begins", "only ends"]);
    expect(await lifecycle.stopped).toBe("a");
  });

  it("logs and skips a hook that exceeds its limit, and one that throws", async () => {
    const { lifecycle, clock, order, hook, lines } = setUp();
    hook("first");
    lifecycle.onStop("broken", 1_000, () => {
      throw new Error("no");
    });
    hook("slow", 5_000);
    const stopped = lifecycle.stop("test");
    await clock.advance(999);
    expect(order).toEqual(["slow begins"]);
    await clock.advance(1);
    await stopped;
    expect(order).toEqual(["slow begins", "first begins", "first ends"]);
    expect(lines).toContainEqual(expect.objectContaining({ event: "lifecycle.hook-overdue", hook: "slow", limitMs: 1_000 }));
    expect(lines).toContainEqual(expect.objectContaining({ event: "lifecycle.hook-failed", hook: "broken", level: "error" }));
  });

  it("runs a hook that is registered while stopping, and one that comes after", async () => {
    const { lifecycle, order, hook } = setUp();
    hook("first");
    lifecycle.onStop("second", 1_000, () => hook("late"));
    await lifecycle.stop("test");
    expect(order).toEqual(["late begins", "late ends", "first begins", "first ends"]);
    hook("after");
    expect(order.slice(-2)).toEqual(["after begins", "after ends"]);
  });
});

it("waits a second, and no longer, for a log that nobody reads", async () => {
  const clock = createTestClock();
  const stuck = { write: () => {}, flush: () => {} };
  const lifecycle = createLifecycle(createLogger({ name: "test", destination: stuck }), { clock, host: new FakeHost() });
  let stopped = false;
  void lifecycle.stop("test").then(() => {
    stopped = true;
  });
  await clock.advance(999);
  expect(stopped).toBe(false);
  await clock.advance(1);
  expect(stopped).toBe(true);
});

describe("handleSignals", () => {
  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ])("stops on %s, and exits with %d on a second one", async (signal, code) => {
    const { lifecycle, clock, host, order, hook, events } = setUp();
    hook("slow", 900);
    lifecycle.handleSignals();
    host.emit(signal);
    expect(order).toEqual(["slow begins"]);
    expect(host.exits).toEqual([]);
    await clock.advance(600);
    host.emit(signal);
    expect(host.exits).toEqual([code]);
    expect(events()).toContain("lifecycle.forced");
  });

  it("takes a signal that is delivered twice at once for one", async () => {
    const { lifecycle, clock, host, hook } = setUp();
    hook("slow", 100);
    lifecycle.handleSignals();
    host.emit("SIGINT");
    host.emit("SIGINT");
    await clock.advance(100);
    expect(await lifecycle.stopped).toBe("SIGINT");
    expect(host.exits).toEqual([]);
  });

  it.each([
    ["unhandledRejection", "process.unhandled-rejection"],
    ["uncaughtException", "process.uncaught-exception"],
  ])("logs an %s and exits with 1 after the hooks", async (name, event) => {
    const { lifecycle, clock, host, order, hook, lines } = setUp();
    hook("slow", 100);
    lifecycle.handleSignals();
    host.emit(name, new Error("boom"));
    expect(lines).toContainEqual(expect.objectContaining({ event, level: "fatal", error: expect.objectContaining({ message: "boom" }) }));
    expect(host.exits).toEqual([]);
    await clock.advance(100);
    await lifecycle.stopped;
    expect(order).toEqual(["slow begins", "slow ends"]);
    expect(host.exits).toEqual([1]);
  });

  it("exits at once when errors come without end", () => {
    const { lifecycle, host, hook } = setUp();
    hook("slow", 100);
    lifecycle.handleSignals();
    for (let i = 0; i < 20; i++) host.emit("uncaughtException", new Error("boom"));
    expect(host.exits).toEqual([]);
    host.emit("uncaughtException", new Error("boom"));
    expect(host.exits).toEqual([1]);
  });

  it("exits with 1 when something breaks while the process stops, or after", async () => {
    const { lifecycle, clock, host, hook } = setUp();
    hook("slow", 100);
    lifecycle.handleSignals();
    host.emit("SIGTERM");
    host.emit("unhandledRejection", "not even an error");
    await clock.advance(100);
    expect(host.exits).toEqual([1]);
    host.emit("unhandledRejection", new Error("again"));
    expect(host.exits).toEqual([1, 1]);
  });
});
