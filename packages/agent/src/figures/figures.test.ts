import { createLogger } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { expect, test } from "vitest";
import type { EnvoyHost } from "../envoy/admin.js";
import { createFigures, figuresInterval } from "./figures.js";
import { loadSmoothing } from "./load.js";

const address = "10.0.0.1:80";

function setUp(protocol: "http" | "tcp" = "http") {
  const clock = createTestClock();
  const state = { phase: "live", pid: 7 };
  const asked: (readonly string[] | undefined)[] = [];
  const hosts: EnvoyHost[] = [{ service: "orders", address, ejected: false, successes: 0, errors: 0 }];
  const own = { service: "inbound:application", address: "127.0.0.1:8080", ejected: false, successes: 0, errors: 0 };
  const time = { count: 0, sum: 0 };
  const sent: Record<string, number> = {};
  let changes = 0;
  const figures = createFigures({
    protocol,
    clock,
    log: createLogger({ name: "t", level: "silent", destination: { write: () => undefined } }),
    onChange: () => {
      changes++;
    },
  });
  figures.begin({
    admin: {
      async hosts(names) {
        asked.push(names);
        return [...hosts, own].filter(({ service }) => names?.includes(service) ?? true);
      },
      figures: async () =>
        [
          `envoy_cluster_upstream_rq_time_sum{envoy_cluster_name="inbound"} ${time.sum}`,
          `envoy_cluster_upstream_rq_time_count{envoy_cluster_name="inbound"} ${time.count}`,
          ...Object.entries(sent).map(([service, count]) => `envoy_cluster_upstream_rq_total{envoy_cluster_name="${service}"} ${count}`),
          "",
        ].join("\n"),
    },
    runner: { state },
  });
  const answer = (requests: number, ms: number) => {
    Object.assign(own, { successes: own.successes + requests });
    time.count += requests;
    time.sum += requests * ms;
  };
  const eject = (action = "EJECT") =>
    figures.take(
      JSON.stringify({
        timestamp: new Date(clock.now()).toISOString(),
        cluster_name: "orders",
        upstream_url: address,
        action,
        enforced: true,
      }),
    );
  return { clock, figures, state, asked, hosts, sent, answer, eject, changes: () => changes };
}

test("an ejection is told at once, before the first look too, and only the services concerned are asked about after it", async () => {
  const { clock, figures, asked, hosts, eject, changes } = setUp();
  eject();
  expect([figures.breakers().length, changes()]).toEqual([1, 1]);
  hosts[0] = { service: "orders", address, ejected: true, successes: 0, errors: 3 };
  await clock.advance(figuresInterval.soon);
  await clock.advance(figuresInterval.usual);
  expect(asked).toEqual([undefined, ["inbound:application", "orders"]]);
  figures.stop();
});

test("what a running Envoy has ejected before its agent came is seen at the first look", async () => {
  const { clock, figures, hosts } = setUp();
  hosts[0] = { service: "orders", address, ejected: true, successes: 0, errors: 3 };
  await clock.advance(figuresInterval.soon);
  expect(figures.breakers()).toMatchObject([{ service: "orders", address, state: "open" }]);
  figures.stop();
});

test("another Envoy has ejected nothing, and how the service answers goes on from where it was", async () => {
  const { clock, figures, state, answer, eject } = setUp();
  for (let look = 0; look < 4; look++) {
    answer(loadSmoothing.warmUp, 20);
    await clock.advance(figuresInterval.usual);
  }
  const load = figures.load();
  expect(load).toMatchObject({ errors: 0, idle: 0 });
  eject();
  state.phase = "down";
  await clock.advance(figuresInterval.usual);
  expect(figures.breakers()).toEqual([]);
  Object.assign(state, { phase: "live", pid: 8 });
  await clock.advance(figuresInterval.usual);
  expect(figures.load()).toEqual(load);
  figures.stop();
});

test("a service that speaks tcp has no requests to tell of", async () => {
  const { clock, figures, asked, answer } = setUp("tcp");
  for (let look = 0; look < 4; look++) {
    answer(loadSmoothing.warmUp, 20);
    await clock.advance(figuresInterval.usual);
  }
  expect(figures.load()).toBeUndefined();
  expect(asked).toEqual([undefined]);
  figures.stop();
});

test("whom the instance has never called before is told at once, and how often with whatever is reported next", async () => {
  const { clock, figures, sent, changes } = setUp();
  await clock.advance(figuresInterval.soon);
  expect([figures.sent().size, changes()]).toEqual([0, 0]);
  sent["orders"] = 1;
  await clock.advance(figuresInterval.usual);
  expect([figures.sent().get("orders"), changes()]).toEqual([1, 1]);
  sent["orders"] = 90;
  await clock.advance(figuresInterval.usual);
  expect([figures.sent().get("orders"), changes()]).toEqual([90, 1]);
  figures.stop();
});
