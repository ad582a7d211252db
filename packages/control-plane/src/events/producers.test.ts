import type { AgentReport } from "@legation/contract";
import type { MeshEvent } from "@legation/contract/api";
import { createTestClock } from "@legation/runtime/testing";
import { expect, test } from "vitest";
import { reportAge } from "../channel/reports.js";
import { serviceOf } from "../testing/catalog.js";
import { createTestEvents } from "../testing/events.js";
import { clusterType } from "../testing/proxy-stream.js";
import { createAgentEvents } from "./agent-events.js";
import { createIntentionEvents } from "./intention-events.js";
import { createProxyEvents } from "./proxy-events.js";
import { createRegistryEvents } from "./registry-events.js";
import { createReplicaEvents } from "./replica-events.js";

function scene() {
  const clock = createTestClock(Date.parse("2026-01-01T00:00:00Z"));
  const events = createTestEvents(clock);
  let seen = 0;
  /** What was told since the last call. */
  const told = (): MeshEvent[] => {
    const all = events.list().slice(seen);
    seen += all.length;
    return all;
  };
  const types = () => told().map(({ type, instance = "" }) => `${type} ${instance}`.trim());
  return { clock, events, told, types };
}

const ttl = (status: "passing" | "critical" | "warning", output = "") => ({ id: "ttl", name: "heartbeat", status, output });

function orders(...checks: readonly ReturnType<typeof ttl>[]) {
  const service = serviceOf("orders", ...checks.map((_, i) => `o${i + 1}`));
  return { ...service, instances: service.instances.map((instance, i) => ({ ...instance, checks: [checks[i] ?? ttl("passing")] })) };
}

test("the registry as it is found is no news, and what changes in it afterwards is, each change once", () => {
  const { events, told, types } = scene();
  const registry = createRegistryEvents(events);
  registry.take({ kind: "service", service: orders(ttl("passing")) });
  registry.take({ kind: "complete" });
  expect(types()).toEqual(["catalog.completed"]);
  registry.take({ kind: "service", service: orders(ttl("passing"), ttl("critical", "no heartbeat")) });
  expect(types()).toEqual([expect.stringMatching(/^instance.registered .*o2$/)]);
  registry.take({ kind: "service", service: orders(ttl("critical", "TTL expired\nlong story"), ttl("passing")) });
  const changes = told();
  expect(changes).toMatchObject([
    { type: "instance.health-changed", severity: "error", details: { from: "passing", to: "critical" } },
    { type: "instance.health-changed", severity: "info", details: { from: "critical", to: "passing" } },
  ]);
  expect(changes[0]?.text).toMatch(/o1 is critical, was passing: heartbeat \(TTL expired\)$/);
  registry.take({ kind: "service", service: orders(ttl("critical", "TTL expired, said otherwise"), ttl("passing")) });
  expect(told()).toEqual([]);
  registry.take({ kind: "removed", name: "orders" });
  expect(types().map((type) => type.split(" ")[0])).toEqual(["instance.deregistered", "instance.deregistered", "service.removed"]);
});

test("what differs from the last run has happened since, and what Consul does is told of this control plane", () => {
  const { events, told } = scene();
  const registry = createRegistryEvents(events);
  registry.restore([orders(ttl("passing"))]);
  registry.take({ kind: "lost", error: new Error("refused") });
  registry.take({ kind: "restored" });
  registry.take({ kind: "service", service: orders(ttl("critical")) });
  expect(told().map(({ type, text }) => [type, text])).toEqual([
    ["catalog.stale", "Consul does not answer this control plane: refused"],
    ["catalog.fresh", "Consul answers this control plane again"],
    ["instance.health-changed", expect.stringMatching("is critical, was passing")],
  ]);
});

test("a maintenance for leaving is draining, one by an operator is maintenance", () => {
  const { events, told } = scene();
  const registry = createRegistryEvents(events);
  const maintained = (output: string) => {
    const [instance] = orders(ttl("passing")).instances;
    if (!instance) throw new Error("no instance");
    return {
      name: "orders",
      instances: [{ ...instance, checks: [{ id: "_service_maintenance:o1", name: "m", status: "critical" as const, output }] }],
    };
  };
  registry.restore([orders(ttl("passing"))]);
  registry.take({ kind: "service", service: maintained("legation:draining") });
  registry.take({ kind: "service", service: maintained("by hand") });
  expect(told().map(({ details }) => "to" in details && details.to)).toEqual(["draining", "maintenance"]);
});

const report: AgentReport = {
  ...{ node: "n1", id: "o1", service: "orders", agentVersion: "1", state: "running", restartCount: 0, admin: "" },
  health: { level: "HEALTHY", message: "all checks pass", consecutiveFailures: 0, uptime: {} },
};

test("between two reports of an agent its state, its health and its restarts are told, once each", async () => {
  const { clock, events, told, types } = scene();
  const agents = createAgentEvents(events, clock);
  agents.take(report);
  agents.take(report);
  expect(types()).toEqual(["agent.connected n1/o1"]);
  const ill: AgentReport = {
    ...{ ...report, state: "backing_off", lastError: "exit code 1" },
    health: { level: "UNHEALTHY", message: "check http fails", consecutiveFailures: 3, uptime: {} },
  };
  agents.take(ill);
  agents.take(ill);
  expect(told()).toMatchObject([
    { type: "instance.state-changed", severity: "warning", details: { from: "running", to: "backing_off", lastError: "exit code 1" } },
    { type: "instance.level-changed", severity: "error", details: { from: "HEALTHY", to: "UNHEALTHY", consecutiveFailures: 3 } },
  ]);
  agents.take({ ...report, restartCount: 1, lastRestart: "2026-01-01T00:00:01Z" });
  expect(told()).toMatchObject([
    { type: "instance.state-changed", details: { from: "backing_off", to: "running" } },
    { type: "instance.restarted", text: "n1/o1 was restarted, the 1st time", details: { restartCount: 1 } },
    { type: "instance.level-changed", details: { to: "HEALTHY" } },
  ]);
  await clock.advance(reportAge.silentAfter + 10_000);
  expect(told()).toMatchObject([{ type: "agent.silent", severity: "warning", instance: "n1/o1" }]);
  agents.take({ ...report, restartCount: 1, lastRestart: "2026-01-01T00:00:01Z" });
  expect(types()).toEqual(["agent.connected n1/o1"]);
  agents.stop();
});

test("an agent that reports to another control plane now is not silent", async () => {
  const { clock, events, types } = scene();
  const agents = createAgentEvents(events, clock);
  agents.take(report);
  types();
  await clock.advance(20_000);
  const event: MeshEvent = {
    ...{
      id: "x",
      time: new Date(clock.now()).toISOString(),
      severity: "info",
      replica: "",
      text: "",
      service: "orders",
      instance: "n1/o1",
    },
    ...{ type: "agent.connected", details: { agentVersion: "1" } },
  };
  events.take({ run: "bbbbbbbb", seq: 1, event });
  await clock.advance(reportAge.silentAfter + 10_000);
  expect(types()).toEqual(["agent.connected n1/o1"]);
  agents.stop();
});

test("streams of one proxy are one connection, and what it refuses is told with its words", () => {
  const { events, told } = scene();
  const take = createProxyEvents(events, () => "orders");
  const on = { node: "n1/o1", peer: "127.0.0.1" };
  const opened = (stream: number) => take({ kind: "stream-open", stream, variant: "delta", description: {} as never, ...on });
  opened(1);
  opened(2);
  take({ kind: "stream-close", stream: 1, reason: "handed over", ...on });
  expect(told().map(({ type }) => type)).toEqual(["proxy.connected"]);
  take({ kind: "stream-close", stream: 2, reason: "reset", ...on });
  expect(told()).toMatchObject([{ type: "proxy.disconnected", service: "orders", details: { reason: "reset" } }]);
});

test("a refused response of thousands of resources is an event of a bounded size", () => {
  const { events, told } = scene();
  const resources = Array.from({ length: 3_000 }, (_, i) => ({
    typeUrl: clusterType,
    name: `c${i}`,
    version: "1",
    bytes: new Uint8Array(),
  }));
  const refusal = { isolated: false, attempts: 1, nonce: "1", message: "no", typeUrl: clusterType, resources } as const;
  createProxyEvents(events, () => "orders")({ kind: "nack", stream: 1, node: "n1/o1", ...refusal });
  const [event] = told();
  expect(event?.details).toMatchObject({ resources: expect.objectContaining({ length: 20 }) });
  expect(event?.text).toContain("and 2980 more: no");
  expect(JSON.stringify(event).length).toBeLessThan(4_000);
});

test("control planes that were there before are no news, those that come and go are", () => {
  const { events, told } = scene();
  const known = createReplicaEvents(events);
  const at = (replica: string) => ({ replica, address: `${replica}:8080`, tls: false });
  known([at("one")]);
  known([at("one"), at("two")]);
  known([at("two")]);
  expect(told().map(({ text }) => text)).toEqual(["the control plane two:8080 has joined", "the control plane one:8080 has left"]);
});

test("intentions are told by what is added, removed and changed", () => {
  const { events, told } = scene();
  const known = createIntentionEvents(events);
  const match = (name: string) => ({ namespace: "default", name });
  const intention = (source: string, rule: "allow" | "deny") => ({ source: match(source), destination: match("orders"), rule }) as const;
  known({ intentions: [intention("web", "allow"), intention("old", "allow")], byDefault: "deny" });
  expect(told()).toEqual([]);
  known({ intentions: [intention("web", "deny"), intention("new", "allow")], byDefault: "deny" });
  expect(told()).toMatchObject([{ details: { added: ["new=>orders"], removed: ["old=>orders"], changed: ["web=>orders"], count: 3 } }]);
});
