/** Orders for agents over two control planes. */
import { type Command, resultPath } from "@legation/contract";
import { createTestClock } from "@legation/runtime/testing";
import { expect, test } from "vitest";
import type { AskReplica } from "../replicas/ask-replica.js";
import { createCommander, orderPath, ordersUnderWay, type RelayedOrder } from "./commander.js";
import { createCommandDirectory } from "./commands.js";

const instance = { node: "n1", id: "o1", service: "orders" };

/** Two control planes that ask each other, and an agent that may listen at each. */
function scene() {
  const clock = createTestClock();
  const never = new AbortController().signal;
  const names = ["r1", "r2"] as const;
  const replicaOf = (name: string) => ({ replica: name, address: `${name}:8080`, tls: false });
  const cut = new Set<string>();
  const ask: AskReplica = async (to, path, body, _limitMs, signal) => {
    if (cut.has(to.replica)) throw new Error("refused the connection");
    const there = planes[to.replica === "r1" ? 0 : 1];
    if (path === orderPath) return there?.commander.relayed(body as RelayedOrder, signal);
    if (path === resultPath) return there?.commander.report(body as Parameters<typeof there.commander.report>[0]);
    throw new Error(path);
  };
  const planes = names.map((own) => {
    const commands = createCommandDirectory();
    const others = () => names.filter((name) => name !== own).map(replicaOf);
    return { commands, commander: createCommander({ own, commands, others, ask, clock }) };
  });
  const [one, other] = planes as [(typeof planes)[0], (typeof planes)[0]];
  const listen = (at: typeof one) => {
    const got: Command[] = [];
    at.commands.listen("n1/o1", { command: (command) => got.push(command), closed: () => undefined });
    return got;
  };
  const say = (at: typeof one, { id: command, replica }: Command, more: object = {}) =>
    at.commander.report({ ...instance, command, replica, ok: true, message: "done", ...more });
  return { clock, one, other, listen, say, cut, never };
}

test("an agent that listens here answers", async () => {
  const { one, listen, say } = scene();
  const got = listen(one);
  const result = one.commander.command(instance, { kind: "restart", force: true }, 1_000);
  expect(got).toMatchObject([{ kind: "restart", force: true, replica: "r1" }]);
  await say(one, got[0] as Command, { id: "another" });
  await say(one, got[0] as Command, { body: { level: "HEALTHY" } });
  expect(await result).toEqual({ ok: true, message: "done", body: { level: "HEALTHY" } });
});

test("an agent that listens at another control plane answers there, and is heard here", async () => {
  const { one, other, listen, say } = scene();
  const got = listen(other);
  const result = one.commander.command(instance, { kind: "status" }, 1_000);
  await expect.poll(() => got.length).toBe(1);
  expect(got).toMatchObject([{ kind: "status", replica: "r2" }]);
  // Its word may come to the wrong one: they share an address.
  await say(one, got[0] as Command);
  expect(await result).toEqual({ ok: true, message: "done" });
});

test("of two streams of one agent the one that lives answers", async () => {
  const { one, other, listen, say } = scene();
  const [dead, alive] = [listen(one), listen(other)];
  one.commands.listen("n1/o1", { command: () => undefined, closed: () => undefined })();
  const result = one.commander.command(instance, { kind: "drain" }, 1_000);
  await expect.poll(() => alive.length).toBe(1);
  await say(other, alive[0] as Command);
  expect(await result).toMatchObject({ ok: true });
  expect(dead).toEqual([]);
});

test("who does not answer, and where nobody listens, is said", async () => {
  const { clock, one, other, listen, cut } = scene();
  await expect(one.commander.command(instance, { kind: "status" }, 1_000)).rejects.toMatchObject({ code: "agent.absent" });
  cut.add("r2");
  await expect(one.commander.command(instance, { kind: "status" }, 1_000)).rejects.toThrow(
    /n1\/o1 listens .*r2:8080 refused the connection/,
  );
  cut.clear();
  const got = listen(other);
  const late = one.commander.command(instance, { kind: "restart" }, 1_000);
  await expect.poll(() => got.length).toBe(1);
  const failed = expect(late).rejects.toMatchObject({ code: "agent.timeout" });
  await clock.advance(2_000);
  await failed;
  expect(clock.pending).toBe(0);
});

test("who does not wait any more leaves nothing behind", async () => {
  const { clock, one, listen } = scene();
  listen(one);
  const unwanted = new AbortController();
  const result = one.commander.command(instance, { kind: "status" }, 1_000, unwanted.signal);
  unwanted.abort(new Error("gone"));
  await expect(result).rejects.toThrow("gone");
  expect(clock.pending).toBe(0);
});

test("an order for which nobody waits any more is not given", async () => {
  const { one, listen } = scene();
  const got = listen(one);
  const gone = AbortSignal.abort(new Error("gone"));
  const order = { relayed: true, ...instance, command: "c", order: { kind: "restart" }, limitMs: 1_000 } as const;
  await expect(one.commander.relayed(order, gone)).rejects.toThrow("gone");
  await expect(one.commander.command(instance, { kind: "restart" }, 1_000, gone)).rejects.toThrow("gone");
  expect(got).toEqual([]);
});

test("a control plane with too many orders says so of its own agents, and passes on those for others", async () => {
  const { one, other, listen, say } = scene();
  const busy = listen(one);
  const over = Array.from({ length: ordersUnderWay }, () => one.commander.command(instance, { kind: "status" }, 1_000));
  await expect(one.commander.command(instance, { kind: "status" }, 1_000)).rejects.toMatchObject({ code: "agent.busy" });
  expect(await other.commander.command(instance, { kind: "status" }, 1_000)).toMatchObject({
    ok: false,
    message: expect.stringContaining("come again"),
  });
  const got: Command[] = [];
  other.commands.listen("n2/o2", { command: (command) => got.push(command), closed: () => undefined });
  const elsewhere = one.commander.command({ node: "n2", id: "o2", service: "orders" }, { kind: "status" }, 1_000);
  await expect.poll(() => got.length).toBe(1);
  await say(other, got[0] as Command, { node: "n2", id: "o2" });
  expect(await elsewhere).toMatchObject({ ok: true });
  for (const command of busy) await say(one, command);
  expect(await Promise.all(over)).toHaveLength(ordersUnderWay);
});
