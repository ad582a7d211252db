import { drainingReason, maintenanceCheckId } from "@legation/contract";
import { gateNames } from "@legation/contract/api";
import { anyRequest, defaultSettings, endpointsOf, type Instance, type RouteRule } from "@legation/mesh";
import fc from "fast-check";
import { expect, test } from "vitest";
import { closedBreaker } from "../figures/breakers.js";
import { type InstanceStatus, statusOf } from "../status/instance-status.js";
import type { StatusReport } from "../status/shared-reports.js";
import { agentReport } from "../testing/agent-report.js";
import { instance } from "../testing/catalog.js";
import { type GateFacts, gatesOf } from "./gates.js";

const nothing: GateFacts = {
  ...{ stale: undefined, refused: undefined, rules: [], leadingHere: [], subsets: {}, callers: ["web"], denied: [] },
  ...{ subscribers: 2, behind: [], held: [], breaker: closedBreaker },
};

/** How an instance of `orders` stands that is registered so, or not at all, and whose agent says this, or nothing. */
function status(registered: Partial<Instance> | undefined, said: Partial<StatusReport> | undefined, silent = false): InstanceStatus {
  const one = registered && instance("orders", "o1", registered);
  const endpoint = one && endpointsOf({ name: "orders", instances: [one, instance("orders", "o2")] }).get(one);
  const report = said && { report: agentReport(said), receivedAt: 0, silent };
  const found = statusOf({ ...(one && endpoint ? { registered: { instance: one, endpoint } } : {}), ...(report ? { report } : {}) });
  if (!found) throw new Error("neither registered nor reported");
  return found;
}

const healthy = status({}, {});
const critical = (output: string, id = "c") => ({ id, name: "http", status: "critical" as const, output });

/** The first gate that is shut, and what it says. */
function firstShut(of: InstanceStatus, facts: Partial<GateFacts> = {}) {
  const gate = gatesOf(of, { ...nothing, ...facts }).find(({ open }) => open === false);
  return gate && [gate.gate, gate.what];
}

function rule(index: number, to: { service?: string; subset?: string; weight?: number }, match = anyRequest): RouteRule {
  const destination = { service: to.service ?? "orders", subset: to.subset, declared: true, weight: to.weight ?? 1 };
  return {
    ...{
      name: `Route/orders#${index}`,
      document: "Route/orders",
      index,
      match,
      headers: undefined,
      fault: undefined,
      settings: defaultSettings,
    },
    action: { kind: "forward", to: [destination], rewrite: undefined, mirror: undefined },
  };
}

test("one that serves passes every gate, in their order", () => {
  const gates = gatesOf(healthy, nothing);
  expect(gates.map(({ gate }) => gate)).toEqual([...gateNames]);
  expect(gates.filter(({ open }) => open !== true)).toEqual([]);
});

test.each<[string, InstanceStatus, Partial<GateFacts>, string, string]>([
  ["its token expired", status(undefined, {}, true), { refused: { detail: "unknown token", at: "T" } }, "agent", "unknown token"],
  ["its agent died", status({ checks: [critical("TTL expired")] }, {}, true), {}, "agent", "has said nothing since"],
  ["it waits", status(undefined, { state: "waiting", reason: "db has no endpoint" }), {}, "process", "waiting: db has no endpoint"],
  [
    "its port is wrong",
    status(undefined, {
      state: "starting",
      health: { level: "UNKNOWN", message: "127.0.0.1:1 refused the connection", consecutiveFailures: 3, uptime: {} },
    }),
    {},
    "process",
    "its checks fail: 127.0.0.1:1 refused the connection",
  ],
  ["it failed", status({}, { state: "failed", reason: "used up", lastError: "exit code 1" }), {}, "process", "last error: exit code 1"],
  ["its Envoy is down", status({}, { standing: { envoy: { phase: "down", reason: "port taken" } } }), {}, "envoy", "port taken"],
  [
    "Consul refuses it",
    status(undefined, { standing: { registered: false, registrationProblem: "permission denied" } }),
    {},
    "registration",
    "permission denied",
  ],
  [
    "its token expired after it was registered",
    status({ checks: [critical("TTL expired")] }, { standing: { registered: true, registrationProblem: "ACL not found" } }),
    {},
    "registration",
    "ACL not found",
  ],
  ["it has no certificate", status({}, { standing: { registered: true, withheld: "no root" } }), {}, "identity", "no root"],
  ["it has no port", status({ port: 0 }, undefined), {}, "address", "port"],
  ["an operator holds it", status({}, { standing: { maintenance: "disk swap" } }), {}, "maintenance", "disk swap"],
  ["it is drained", status({ checks: [critical(drainingReason, maintenanceCheckId("o1"))] }, undefined), {}, "maintenance", "draining"],
  ["it leaves", status({ leaving: true }, {}), {}, "maintenance", "leaves"],
  ["its check fails", status({ checks: [critical("connection refused")] }, {}), {}, "checks", "http (connection refused)"],
  ["it never passed", status({ checks: [critical("wrong port")], everPassed: false }, {}), {}, "checks", "never yet passing"],
  ["its weight is 0", status({ weights: { passing: 0, warning: 0 } }, {}), {}, "weight", "weight 0"],
  [
    "a route passes it over",
    healthy,
    { rules: [rule(0, { subset: "v2" })], subsets: { v2: { version: "2" } } },
    "routes",
    "Route/orders#0",
  ],
  ["all calls are denied", healthy, { denied: [{ caller: "web", reason: "web=>orders denies" }] }, "intentions", "web=>orders denies"],
  ["nobody acknowledges", healthy, { behind: ["n2/w1 (silent since T)", "n2/w2"] }, "acknowledged", "n2/w1 (silent since T)"],
])("when %s, that gate is the first that is shut", (_, of, facts, gate, words) => {
  const [name, what] = firstShut(of, facts) ?? [];
  expect(name).toBe(gate);
  expect(what).toContain(words);
});

test("what only some are kept away by shuts no gate, and is told", () => {
  const breaker = { state: "open", callers: 1, by: [{ caller: "n2/w1", state: "open", cause: "5 failures", since: "T" }] } as const;
  const facts = {
    ...nothing,
    callers: ["web", "shop"],
    denied: [{ caller: "shop", reason: "r" }],
    behind: ["n2/w1"],
    held: ["Service/orders: x"],
    breaker,
  };
  const doubtful = gatesOf(healthy, facts).filter(({ open }) => open === null);
  expect(doubtful.map(({ gate }) => gate)).toEqual(["intentions", "quarantine", "acknowledged", "breaker"]);
  expect(doubtful.at(-1)?.what).toContain("n2/w1 (5 failures, since T)");
});

test("a route that leaves some requests over, or leads here from another service, lets them through", () => {
  const narrow = { ...anyRequest, methods: ["POST"] };
  const subsets = { v1: { version: "1" }, v2: { version: "2" } };
  const one = status({ meta: { version: "1" } }, {});
  expect(firstShut(one, { rules: [rule(0, { subset: "v2" }, narrow)], subsets })).toBeUndefined();
  expect(firstShut(one, { rules: [rule(0, { subset: "v2" }, narrow), rule(1, { subset: "v1" })], subsets })).toBeUndefined();
  expect(firstShut(one, { rules: [rule(0, { subset: "v2" }), rule(1, { subset: "v1" })], subsets })?.[0]).toBe("routes");
  expect(firstShut(one, { rules: [rule(0, { subset: "v1", weight: 0 })], subsets })?.[0]).toBe("routes");
  expect(firstShut(one, { rules: [rule(0, { subset: "v2" })], leadingHere: [rule(0, { subset: "v1" })], subsets })).toBeUndefined();
});

test("an instance that the proxies give traffic to has no gate shut that Consul decides, and one that they do not has", () => {
  const checks = fc.array(
    fc.constantFrom("passing", "warning", "critical").map((word) => ({ ...critical("o"), status: word as "passing" })),
    { maxLength: 3 },
  );
  const some = fc.record({ checks, everPassed: fc.boolean(), leaving: fc.boolean(), port: fc.constantFrom(0, 8_000) });
  const decided = ["address", "maintenance", "checks", "weight"];
  fc.assert(
    fc.property(some, (registered) => {
      const of = status(registered, undefined);
      const serves = of.endpoint?.omitted !== true && of.endpoint?.health === "HEALTHY";
      const isShut = gatesOf(of, nothing).some(({ gate, open }) => decided.includes(gate) && open === false);
      expect(isShut).toBe(!serves);
    }),
  );
});
