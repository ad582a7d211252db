import { createLogger } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { expect, test } from "vitest";
import type { Replica } from "../replicas/directory.js";
import { agentReport } from "../testing/agent-report.js";
import { createFigureBook } from "./book.js";
import { createFigureRelay, type FigureQuestion, relayInterval, settleLimit } from "./relay.js";

const log = createLogger({ name: "t", level: "silent", destination: { write: () => undefined } });
const report = (latency: number) => agentReport({ load: { latency, errors: 0, idle: 0 } });

function setUp() {
  const clock = createTestClock();
  const theirs = createFigureBook(clock, () => undefined);
  const ours = createFigureBook(clock, () => undefined);
  let others: readonly Replica[] = [];
  const asked: number[] = [];
  const fails = { now: false };
  let settled = 0;
  const relay = createFigureRelay({
    book: ours,
    others: () => others,
    async ask(_replica, _path, body) {
      const { after } = body as FigureQuestion;
      asked.push(after);
      if (fails.now) throw new Error("refused the connection");
      return theirs.after(after, 1_000_000);
    },
    onSettled: () => {
      settled++;
    },
    clock,
    log,
  });
  const name = (replica: string) => {
    others = [{ replica, address: "127.0.0.1:1", tls: false }];
  };
  return { clock, theirs, ours, relay, asked, fails, name, settled: () => settled };
}

test("what agents tell another control plane is known here within two seconds, and asked for once", async () => {
  const { clock, theirs, ours, relay, asked, name } = setUp();
  theirs.take(report(9));
  name("r2");
  relay.start();
  await clock.advance(1);
  expect(ours.loadOf("n1/o1", "orders")).toEqual({ latency: 9, errors: 0, idle: 0 });
  theirs.take(report(16));
  await clock.advance(relayInterval);
  expect(ours.loadOf("n1/o1", "orders")?.latency).toBe(16);
  expect(asked).toEqual([0, 1]);
  // One that has started again counts anew.
  name("r3");
  await clock.advance(relayInterval);
  expect(asked).toEqual([0, 1, 0]);
  relay.stop();
});

test("a start waits for what the others know, as soon as Consul has said who they are", async () => {
  const { clock, theirs, ours, relay, name, settled } = setUp();
  theirs.take(report(9));
  relay.start();
  await clock.advance(10);
  expect(relay.settled()).toBe(false);
  name("r2");
  relay.replicasKnown();
  await clock.advance(1);
  expect([relay.settled(), settled(), ours.loads().length]).toEqual([true, 1, 1]);
  await clock.advance(settleLimit);
  expect(settled()).toBe(1);
  relay.stop();
});

test("a start does not wait for a Consul that is away, nor for a replica that does not answer", async () => {
  const away = setUp();
  away.relay.start();
  await away.clock.advance(settleLimit - 1);
  expect(away.relay.settled()).toBe(false);
  await away.clock.advance(1);
  expect(away.relay.settled()).toBe(true);
  away.relay.stop();

  const dead = setUp();
  dead.fails.now = true;
  dead.name("r2");
  dead.relay.start();
  dead.relay.replicasKnown();
  await dead.clock.advance(1);
  expect(dead.relay.settled()).toBe(true);
  dead.fails.now = false;
  dead.theirs.take(report(9));
  await dead.clock.advance(relayInterval);
  expect(dead.ours.loads()).toHaveLength(1);
  dead.relay.stop();
});
