import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogger, systemClock } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connectServiceManager, type Notify, warnWithoutInit } from "./service-manager.js";
import { bindNotifySocket, type NotifySocket } from "./testing/notify-socket.js";
import { until } from "./testing/until.js";

const silent = createLogger({ name: "test", level: "silent" });

function scripted(env: Record<string, string> = {}) {
  const sent: string[] = [];
  const clock = createTestClock();
  const notify: Notify = async (variables) => {
    sent.push(variables.join(" "));
    return undefined;
  };
  const manager = connectServiceManager({ env: { NOTIFY_SOCKET: "/run/notify", ...env }, pid: 7, notify, clock, log: silent });
  return { manager, sent, clock };
}

describe("the service manager", () => {
  it("is told once that the instance serves, and of each new status", async () => {
    const { manager, sent, clock } = scripted();
    manager.status("waiting: Envoy is starting");
    manager.status("waiting: Envoy is starting");
    manager.ready("serving");
    manager.ready("serving");
    manager.stopping();
    await clock.advance(0);
    expect(sent).toEqual(["STATUS=waiting: Envoy is starting", "READY=1 STATUS=serving", "STOPPING=1"]);
  });

  it("is told of a reload and of its end", async () => {
    const { manager, sent, clock } = scripted();
    manager.ready("serving");
    manager.reloading();
    manager.ready("serving");
    await clock.advance(0);
    expect(sent[1]).toMatch(/^RELOADING=1 MONOTONIC_USEC=\d+$/);
    expect(sent[2]).toBe("READY=1 STATUS=serving");
  });

  it("is told of the end of a reload also while the instance does not serve", async () => {
    const { manager, sent, clock } = scripted();
    manager.ready("serving");
    manager.status("drained");
    manager.reloading();
    manager.status("drained");
    manager.status("drained");
    await clock.advance(0);
    expect(sent.slice(3)).toEqual(["READY=1 STATUS=drained"]);
  });

  it("gets a sign of life at half the watchdog's time, where the watchdog is meant for this process", async () => {
    const watched = scripted({ WATCHDOG_USEC: "10000000", WATCHDOG_PID: "7" });
    await watched.clock.advance(15_000);
    expect(watched.sent).toEqual(Array(4).fill("WATCHDOG=1"));
    await watched.manager.close();
    await watched.clock.advance(60_000);
    expect(watched.sent).toHaveLength(4);
    const other = scripted({ WATCHDOG_USEC: "10000000", WATCHDOG_PID: "8" });
    await other.clock.advance(60_000);
    expect(other.sent).toEqual([]);
  });

  it("is silent where there is none", async () => {
    const { manager, sent } = scripted({ NOTIFY_SOCKET: "" });
    manager.ready("serving");
    expect(sent).toEqual([]);
  });
});

describe("systemd's socket", () => {
  let directory: string;
  let socket: NotifySocket | undefined;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "legation-notify-"));
  });
  afterEach(async () => {
    await socket?.close();
    socket = undefined;
    rmSync(directory, { recursive: true, force: true });
  });

  it.each(["path", "abstract"])("gets the messages whole and in order, at a %s address", async (kind) => {
    const address = kind === "path" ? join(directory, "notify") : `@legation-${process.pid}-${Math.random()}`;
    socket = await bindNotifySocket(address);
    const { received } = socket;
    const env = { PATH: process.env["PATH"] ?? "", NOTIFY_SOCKET: address };
    const manager = connectServiceManager({ env, pid: 7, clock: systemClock, log: silent });
    manager.ready("orders-1 serves");
    manager.stopping();
    await until("both messages", () => received().length === 2);
    expect(received()).toEqual(["READY=1 STATUS=orders-1 serves", "STOPPING=1"]);
  });

  it("that nobody listens at is reported once", async () => {
    const lines: string[] = [];
    const log = createLogger({ name: "test", destination: { write: (line: string) => void lines.push(line) } });
    const env = { PATH: process.env["PATH"] ?? "", NOTIFY_SOCKET: join(directory, "nobody") };
    const manager = connectServiceManager({ env, pid: 7, clock: systemClock, log });
    manager.status("a");
    manager.status("b");
    await until("the report", () => lines.some((line) => line.includes("agent.notify-failed")));
    expect(lines).toHaveLength(1);
  });
});

it("says how to give a container an init when it is process 1", () => {
  const lines: string[] = [];
  const log = createLogger({ name: "test", destination: { write: (line: string) => void lines.push(line) } });
  warnWithoutInit(2, log);
  expect(lines).toEqual([]);
  warnWithoutInit(1, log);
  expect(lines[0]).toContain("docker run --init");
});
