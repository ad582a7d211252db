/** Drift is asked of agents, and told when two looks agree. */
import { type CommandOrder, type CommandResult, configTypes, type EnvoyConfig } from "@legation/contract";
import type { ProxyView } from "@legation/contract/api";
import { LegationError } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { expect, test } from "vitest";
import { clustersTaken, clusterType, proxyStream } from "../testing/proxy-stream.js";
import { createDriftCheck, driftLimit, secondLook } from "./drift-check.js";
import type { LocatedStream } from "./proxies.js";

function stream(number: number, sent: Readonly<Record<string, string>>): LocatedStream {
  const size = Object.keys(sent).length;
  const row = proxyStream("n1/web-1", "web", { stream: number, types: [{ ...clustersTaken, sent: size, acknowledged: size }] });
  const versions = [{ type: "cluster", typeUrl: clusterType, sent, acknowledged: sent, absent: [] }];
  return { row, replica: "10.0.0.1:8080", detail: { versions, marks: {} } };
}

function configOf(held: Readonly<Record<string, string>>): EnvoyConfig {
  const none = Object.fromEntries(configTypes.map((one) => [one, []])) as unknown as EnvoyConfig["held"];
  const cluster = Object.entries(held).map(([name, version]) => ({ name, version }));
  return { envoy: "1.40.0", parent: false, held: { ...none, cluster }, leftOut: 0 };
}

const said = (held: Readonly<Record<string, string>>): CommandResult => ({ ok: true, message: "", body: configOf(held) });

/** A proxy with these streams, whose agent gives these answers one after the other, the last one again and again. */
function scene(streams: readonly LocatedStream[], answers: readonly (CommandResult | LegationError)[], more: Partial<ProxyView> = {}) {
  const clock = createTestClock();
  const orders: CommandOrder[] = [];
  const [first] = streams;
  const absent = { connected: false, reason: "it is not connected: its Envoy is down", kind: "sidecar", service: "web", node: "n1/web-1" };
  const proxy = {
    ...(first ? { ...first.row, state: "up-to-date", reason: "", connected: true } : absent),
    ...more,
  } as unknown as ProxyView;
  const check = createDriftCheck({
    proxies: { one: async (node) => ({ proxy: node === "n1/web-1" ? proxy : null, streams: new Map([[node, streams]]), silent: [] }) },
    commander: {
      async command(instance, order, limitMs) {
        expect([instance, limitMs]).toEqual([{ node: "n1", id: "web-1", service: "web" }, driftLimit]);
        const answer = answers[Math.min(orders.length, answers.length - 1)];
        orders.push(order);
        if (!answer || answer instanceof LegationError) throw answer ?? new Error("nobody was to be asked");
        return answer;
      },
    },
    clock,
  });
  const never = new AbortController().signal;
  return {
    orders,
    async report(node = "n1/web-1") {
      const answer = check(node, never);
      await clock.advance(secondLook);
      return await answer;
    },
  };
}

test("an Envoy that holds what it was sent is asked once", async () => {
  const { report, orders } = scene([stream(3, { orders: "1" })], [said({ orders: "1" })]);
  expect(await report()).toMatchObject({
    ...{
      state: "none",
      reason: "Envoy holds the 1 resources that it was sent",
      compared: 1,
      stream: 3,
      replica: "10.0.0.1:8080",
      envoy: "1.40.0",
    },
  });
  expect(orders).toEqual([{ kind: "envoy-config" }]);
});

test("what a second look does not see any more was on its way; what it sees again is drift", async () => {
  const passing = scene([stream(3, { orders: "2" })], [said({ orders: "1" }), said({ orders: "2" })]);
  expect(await passing.report()).toMatchObject({ state: "none", differences: [] });
  expect(passing.orders).toHaveLength(2);
  const lasting = scene([stream(3, { orders: "2" })], [said({ orders: "1" })]);
  expect(await lasting.report()).toMatchObject({
    state: "drift",
    differences: [{ name: "orders", kind: "other-version", sent: "2", held: "1" }],
  });
});

test("while an Envoy hands over to the next, the dump is held against the stream that it is of", async () => {
  const streams = [stream(9, { orders: "2" }), stream(7, { orders: "1" })];
  expect(await scene(streams, [said({ orders: "1" })]).report()).toMatchObject({ state: "none", stream: 7, streams: 2 });
  expect(await scene(streams, [said({ orders: "2" })]).report()).toMatchObject({ state: "none", stream: 9, streams: 2 });
});

test.each<[string, CommandResult | LegationError, string]>([
  [
    "whose Envoy is silent",
    { ok: false, message: "Envoy does not answer its admin port at 127.0.0.1:19000: did not answer within 2000 ms" },
    "Envoy does not answer its admin port at 127.0.0.1:19000: did not answer within 2000 ms",
  ],
  ["whose agent is silent", new LegationError("agent.timeout", "late"), `its agent did not answer within ${driftLimit / 1_000} s`],
  ["whose agent is nowhere", new LegationError("agent.absent", "no agent of n1/web-1 listens"), "no agent of n1/web-1 listens"],
  [
    "whose agent says something else",
    { ok: true, message: "", body: { held: [] } },
    "its agent answers what this version does not understand",
  ],
])("of one %s nothing is claimed", async (_, answer, reason) => {
  expect(await scene([stream(3, { orders: "1" })], [answer]).report()).toMatchObject({ state: "unknown", reason, differences: [] });
});

test("one that is not connected, a gRPC application and a stranger are not asked for", async () => {
  const absent = scene([], []);
  expect(await absent.report()).toMatchObject({ state: "unknown", reason: "it is not connected: its Envoy is down" });
  const grpc = scene([stream(3, { orders: "1" })], [], { kind: "grpc" });
  expect(await grpc.report()).toMatchObject({ state: "unknown", reason: expect.stringContaining("gRPC") });
  expect(await absent.report("n9/nobody")).toBeNull();
  expect([...absent.orders, ...grpc.orders]).toEqual([]);
});
