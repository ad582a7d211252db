/** Restarts that two control planes are asked for. */
import { createLogger } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { expect, test } from "vitest";
import { createGather } from "../replicas/gather.js";
import { statusOf } from "../status/instance-status.js";
import { agentReport } from "../testing/agent-report.js";
import { createRestarts, type Restarts } from "./restart.js";

/** Two control planes that ask each other, and agents that restart when they are let. */
function pair() {
  const clock = createTestClock();
  const log = createLogger({ name: "t", level: "silent" });
  const mute = new Set<string>();
  const held: (() => void)[] = [];
  const commander = {
    command: async () => {
      await new Promise<void>((resolve) => held.push(resolve));
      return { ok: true, message: "restarted" };
    },
  };
  const made = (other: "one" | "two"): Restarts =>
    createRestarts({
      ...{ commander, clock, log },
      gather: createGather({
        others: () => [{ replica: other, address: `${other}:8080`, tls: false }],
        async ask() {
          if (mute.has(other)) throw new Error("refused the connection");
          return { services: both[other].underWay() };
        },
      }),
    });
  const both: Readonly<Record<"one" | "two", Restarts>> = { one: made("two"), two: made("one") };
  const status = statusOf({ report: { report: agentReport({ id: "o1" }), receivedAt: 0, silent: false } });
  return { ...both, instances: status ? [status] : [], mute, held };
}

test("a service is restarted by one control plane at a time, and by the other when that has ended", async () => {
  const { one, two, instances, held } = pair();
  const run = await one.begin("orders", instances, false);
  await expect(two.begin("orders", instances, false)).rejects.toMatchObject({
    code: "restart.under-way",
    message: expect.stringContaining("by one:8080"),
  });
  expect(two.underWay()).toEqual([]);
  for (const go of held.splice(0)) go();
  await run.done;
  const later = await two.begin("orders", instances, false);
  for (const go of held.splice(0)) go();
  await later.done;
  expect(later.steps).toMatchObject([{ outcome: "restarted" }]);
});

test("of two that begin at once at most one goes on, and neither is held up afterwards", async () => {
  const { one, two, instances, held } = pair();
  const begun = await Promise.allSettled([one.begin("orders", instances, false), two.begin("orders", instances, false)]);
  expect(begun.filter(({ status }) => status === "fulfilled").length).toBeLessThanOrEqual(1);
  for (const go of held.splice(0)) go();
  for (const each of begun) if (each.status === "fulfilled") await each.value.done;
  expect([...one.underWay(), ...two.underWay()]).toEqual([]);
});

test("one that does not answer hinders nobody", async () => {
  const { one, instances, mute, held } = pair();
  mute.add("two");
  const run = await one.begin("orders", instances, false);
  for (const go of held.splice(0)) go();
  await run.done;
  expect(run.steps).toMatchObject([{ outcome: "restarted" }]);
});
