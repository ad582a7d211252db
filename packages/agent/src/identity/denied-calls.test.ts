import { type DeniedCallLine, deniedCallMark, deniedOthers, reportedDenials } from "@legation/contract";
import { createLogger, Registry } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { expect, test } from "vitest";
import { deniedCallOf } from "./denied-call.js";
import { createDeniedCalls, deniedLog, deniedRowsApart } from "./denied-calls.js";

const uri = (service: string) => `spiffe://1.consul/ns/default/dc/dc1/svc/${service}`;

function lineOf(said: Partial<DeniedCallLine>): string {
  const nothing = { rule: null, shadow: null, shadowTcp: null, termination: null, method: null, path: null };
  return JSON.stringify({ legation: deniedCallMark, caller: uri("web"), callee: uri("orders"), ...nothing, ...said });
}

function setUp() {
  const clock = createTestClock();
  const registry = new Registry();
  const said: { event: string; [field: string]: unknown }[] = [];
  const destination = { write: (line: string) => void said.push(JSON.parse(line)) };
  const log = createLogger({ name: "t", level: "info", destination });
  return { clock, registry, said, denied: createDeniedCalls({ service: "orders", registry, clock, log }) };
}

test("a line of Envoy's tells who called whom, and by which rule that was refused or would have been", () => {
  const request = { method: "GET", path: "/a?secret=1" };
  const known = { caller: "web", callee: "orders" };
  expect(deniedCallOf(lineOf({ ...request, rule: "web=>orders" }))).toEqual({
    ...{ ...known, rule: "web=>orders", shadow: false, method: "GET", path: "/a" },
  });
  expect(deniedCallOf(lineOf({ ...request, shadow: "default" }))).toMatchObject({ rule: "default", shadow: true });
  const closed = "rbac_access_denied_matched_policy[web=>orders]";
  expect(deniedCallOf(lineOf({ shadowTcp: "web=>orders", termination: closed }))).toEqual({ ...known, rule: "web=>orders", shadow: false });
  expect(deniedCallOf(lineOf({ shadowTcp: "web=>orders" }))).toEqual({ ...known, rule: "web=>orders", shadow: true });
  expect(deniedCallOf(lineOf({ rule: "not-a-service", caller: "spiffe://1.consul/agent/x" }))?.caller).toBe("spiffe://1.consul/agent/x");
});

test("all else that Envoy writes is left to others", () => {
  const { denied, said } = setUp();
  const other = [
    '[warning] "denied-call"',
    '{"a":"denied-call"}',
    '{"legation":"denied-call"',
    "",
    JSON.stringify({ path: deniedCallMark }),
  ];
  expect(other.filter((line) => denied.take(line))).toEqual([]);
  expect(said).toEqual([]);
});

test("a flood is counted whole, logged in a few lines and a sum, and told with all that it was", async () => {
  const { clock, registry, said, denied } = setUp();
  for (let i = 0; i < 1_000; i++) denied.take(lineOf({ rule: "web=>orders", method: "GET", path: `/${i}` }));
  denied.take(lineOf({ shadow: "default", method: "GET", path: "/" }));
  expect(said.map(({ event }) => event)).toEqual(new Array(deniedLog.calls).fill("identity.denied"));
  await clock.advance(deniedLog.windowMs);
  expect(said.slice(deniedLog.calls)).toMatchObject([
    { event: "identity.denied-more", shadow: false, count: 1_000 - deniedLog.calls, calls: [{ caller: "web", rule: "web=>orders" }] },
    { event: "identity.denied-more", shadow: true, count: 1, calls: [{ rule: "default" }] },
  ]);
  denied.take(lineOf({ rule: "web=>orders" }));
  expect(said.at(-1)).toMatchObject({ event: "identity.denied", caller: "web", callee: "orders", rule: "web=>orders" });
  expect(await registry.metrics()).toContain(
    'legation_agent_denied_calls_total{service="orders",caller="web",rule="web=>orders",shadow="false"} 1001',
  );
  expect(denied.untold()).toEqual([{ caller: "web", rule: "web=>orders", count: 1_001 }]);
});

test("callers without end take a bounded number of rows, and no call is lost from the sums", async () => {
  const { registry, denied } = setUp();
  for (let i = 0; i < 1_000; i++) denied.take(lineOf({ caller: uri(`web-${i}`), rule: "default" }));
  const told = denied.untold();
  expect(told).toHaveLength(reportedDenials);
  expect(told.at(-1)).toMatchObject({ caller: deniedOthers, rule: deniedOthers });
  expect(told.reduce((sum, { count }) => sum + count, 0)).toBe(1_000);
  const rows = (await registry.metrics()).split("\n").filter((line) => line.startsWith("legation_agent_denied_calls_total{"));
  expect(rows).toHaveLength(deniedRowsApart + 1);
});

test("what a control plane has taken is not told again, and what came meanwhile is", () => {
  const { denied } = setUp();
  const refuse = (caller: string, times: number) => {
    for (let i = 0; i < times; i++) denied.take(lineOf({ caller: uri(caller), rule: "default" }));
  };
  refuse("web", 3);
  for (let i = 0; i < reportedDenials + 5; i++) refuse(`other-${i}`, 1);
  const told = denied.untold();
  refuse("web", 2);
  denied.told(told);
  expect(denied.untold()).toEqual([{ caller: "web", rule: "default", count: 2 }]);
  denied.told(denied.untold());
  expect(denied.untold()).toEqual([]);
});
