import { reportedBreakers } from "@legation/contract";
import { createLogger } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { expect, test } from "vitest";
import type { EnvoyHost } from "../envoy/admin.js";
import { createBreakers, limitHold } from "./breakers.js";

const address = "127.0.0.1:9001";
const other = "127.0.0.1:9002";

function setUp() {
  const clock = createTestClock();
  const said: string[] = [];
  const destination = { write: (line: string) => void said.push((JSON.parse(line) as { event: string }).event) };
  let changes = 0;
  const breakers = createBreakers({
    clock,
    log: createLogger({ name: "t", level: "info", destination }),
    onChange: () => {
      changes++;
    },
  });
  const line = (action: string, at = address, more: object = {}) =>
    JSON.stringify({
      type: "CONSECUTIVE_5XX",
      timestamp: new Date(clock.now()).toISOString(),
      cluster_name: "orders",
      upstream_url: at,
      action,
      num_ejections: 1,
      enforced: action === "EJECT",
      ...more,
    });
  return { clock, said, breakers, line, changes: () => changes };
}

const host = (more: Partial<EnvoyHost>): EnvoyHost => ({ service: "orders", address, ejected: false, successes: 0, errors: 0, ...more });

test("an ejected instance is open, one that came back half-open, and closed after as many successes as the policy wants", () => {
  const { breakers, clock, line, said } = setUp();
  breakers.learn({ orders: 3 });
  expect(breakers.take(line("EJECT"))).toBe(true);
  expect(breakers.rows()).toMatchObject([{ service: "orders", address, state: "open", cause: "consecutive 5xx" }]);
  expect(breakers.trying).toBe(false);
  breakers.look([host({ ejected: true, successes: 40 })], clock.monotonic(), breakers.watched());
  breakers.take(line("UNEJECT"));
  expect(breakers.rows()).toMatchObject([{ address, state: "half-open", cause: "consecutive 5xx" }]);
  expect(breakers.trying).toBe(true);
  breakers.look([host({ successes: 42 })], clock.monotonic(), ["orders"]);
  expect(breakers.rows()).toHaveLength(1);
  breakers.look([host({ successes: 43 })], clock.monotonic(), ["orders"]);
  expect(breakers.rows()).toEqual([]);
  expect(said).toEqual(["breaker.opened", "breaker.half-open", "breaker.closed"]);
});

test("a breaker stays half-open while no control plane has said how many successes close it", () => {
  const { breakers, clock, line } = setUp();
  breakers.take(line("EJECT"));
  breakers.take(line("UNEJECT"));
  breakers.look([host({ successes: 10 })], clock.monotonic(), ["orders"]);
  breakers.look([host({ successes: 1_000 })], clock.monotonic(), ["orders"]);
  expect(breakers.rows()).toMatchObject([{ state: "half-open" }]);
  breakers.learn({ orders: 990 });
  breakers.look([host({ successes: 1_000 })], clock.monotonic(), ["orders"]);
  expect(breakers.rows()).toEqual([]);
});

test("an instance that fails on trial is open again", () => {
  const { breakers, line, said } = setUp();
  breakers.take(line("EJECT"));
  breakers.take(line("UNEJECT"));
  breakers.take(line("EJECT", address, { type: "CONSECUTIVE_GATEWAY_FAILURE" }));
  expect(breakers.rows()).toMatchObject([{ state: "open", cause: "consecutive gateway failure" }]);
  expect(said).toEqual(["breaker.opened", "breaker.half-open", "breaker.opened"]);
});

test("what Envoy's hosts say is right where lines were lost: ejected, back, and gone", () => {
  const { breakers, clock } = setUp();
  breakers.look([host({ ejected: true }), host({ address: other })], clock.monotonic());
  expect(breakers.rows()).toMatchObject([{ address, state: "open" }]);
  breakers.look([host({ successes: 1 })], clock.monotonic(), ["orders"]);
  expect(breakers.rows()).toMatchObject([{ address, state: "half-open" }]);
  breakers.look([host({ address: other })], clock.monotonic(), ["orders"]);
  expect(breakers.rows()).toEqual([]);
});

test("an ejection that Envoy only counted, and a service that was not asked about, change nothing", () => {
  const { breakers, clock, line, changes } = setUp();
  expect(breakers.take(line("EJECT", address, { enforced: false }))).toBe(false);
  expect(breakers.take('{"legation":"denied-call"}')).toBe(false);
  expect(breakers.take('{"upstream_url": broken')).toBe(false);
  expect(changes()).toBe(0);
  breakers.take(line("EJECT"));
  breakers.look([], clock.monotonic(), ["payments"]);
  expect(breakers.rows()).toHaveLength(1);
});

test("an exceeded limit is an open breaker of the service, until it was not exceeded for a while", async () => {
  const { breakers, clock, said } = setUp();
  breakers.exceed(new Map([["orders", "the limit of requests"]]));
  expect(breakers.rows()).toMatchObject([{ service: "orders", state: "open", cause: "the limit of requests" }]);
  expect(breakers.watched()).toEqual([]);
  await clock.advance(limitHold - 1);
  breakers.exceed(new Map());
  expect(breakers.rows()).toHaveLength(1);
  await clock.advance(1);
  breakers.exceed(new Map());
  expect(breakers.rows()).toEqual([]);
  expect(said).toEqual(["breaker.opened", "breaker.closed"]);
});

test("another Envoy has ejected nothing, and lines of the one before count no more", async () => {
  const { breakers, clock, line } = setUp();
  const late = line("EJECT", other);
  breakers.take(line("EJECT"));
  await clock.advance(1);
  breakers.forget();
  expect(breakers.rows()).toEqual([]);
  expect(breakers.take(late)).toBe(true);
  expect(breakers.rows()).toEqual([]);
});

test("a report holds a bounded number of breakers, the open ones first", () => {
  const { breakers, line } = setUp();
  breakers.take(line("EJECT"));
  breakers.take(line("UNEJECT"));
  for (let port = 1; port <= reportedBreakers + 5; port++) breakers.take(line("EJECT", `10.0.0.1:${port}`));
  expect(breakers.rows()).toHaveLength(reportedBreakers);
  expect(breakers.rows().every(({ state }) => state === "open")).toBe(true);
});

test("an answer that Envoy gave before a line came does not take back what the line said", async () => {
  const { breakers, clock, line, said } = setUp();
  breakers.take(line("EJECT"));
  const asked = clock.monotonic();
  await clock.advance(5);
  breakers.take(line("UNEJECT"));
  breakers.look([host({ ejected: true })], asked, ["orders"]);
  expect(breakers.rows()).toMatchObject([{ state: "half-open" }]);
  expect(said).toEqual(["breaker.opened", "breaker.half-open"]);
});
