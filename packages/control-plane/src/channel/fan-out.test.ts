import { arrivingPath, leavingPath, type RoutingReply } from "@legation/contract";
import { createLogger, LegationError } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { expect, test } from "vitest";
import { returnTime } from "../reconcile/nodes.js";
import type { AskReplica } from "../replicas/ask-replica.js";
import type { Replica } from "../replicas/directory.js";
import { createFanOut, superseded } from "./fan-out.js";
import type { Proof } from "./proof.js";

const notice = { node: "n1", id: "o1", service: "orders" };
const never = new AbortController().signal;
const proof: Proof = { accepted: true, subscribers: 1, laggards: [] };
const reply = (replica: string, change: Partial<RoutingReply> = {}): RoutingReply => ({
  ...{ accepted: true, subscribers: 2, laggards: [], replicas: 1, silent: [], replica },
  ...change,
});

function scene(ask: AskReplica, own: Promise<Proof> = Promise.resolve(proof)) {
  const clock = createTestClock();
  const asked: unknown[] = [];
  const signals: AbortSignal[] = [];
  const fanOut = createFanOut({
    own: "r1",
    prove: async (_direction, _notice, _limitMs, signal) => {
      signals.push(signal);
      const aborted = new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      return await Promise.race([own, aborted]);
    },
    others: () => [
      { replica: "r2", address: "10.0.0.2:8080", tls: true },
      { replica: "r3", address: "10.0.0.3:8080", tls: true },
    ],
    ask: async (to, path, body, limitMs, signal) => {
      asked.push({ address: to.address, path, body, limitMs });
      return await ask(to, path, body, limitMs, signal);
    },
    clock,
    log: createLogger({ name: "test", level: "silent" }),
  });
  return { clock, asked, signals, answer: fanOut.answer };
}

const named = ({ address }: Replica): string => (address.includes("0.0.2") ? "r2" : "r3");

test("each other replica is asked once, for its own proxies, and all answers become one", async () => {
  const { asked, answer } = scene(async (to) =>
    reply(named(to), { accepted: false, laggards: to.address.includes("0.0.3") ? ["n3/web-3"] : [] }),
  );
  expect(await answer("leaving", { ...notice, limitMs: 4_000 }, never)).toEqual({
    ...{ accepted: true, subscribers: 5, laggards: ["n3/web-3"], replicas: 3, silent: [], replica: "r1" },
  });
  const body = { ...notice, relayed: true, limitMs: 3_750 };
  expect(asked).toEqual(["10.0.0.2:8080", "10.0.0.3:8080"].map((address) => ({ address, path: leavingPath, body, limitMs: 4_000 })));
});

test("a replica that was asked by another one asks nobody", async () => {
  const { asked, answer } = scene(async () => reply("r2"));
  expect(await answer("leaving", { ...notice, relayed: true }, never)).toMatchObject({ subscribers: 1, replicas: 1, silent: [] });
  expect(asked).toEqual([]);
});

test("an instance has arrived only when every replica gives it to its proxies", async () => {
  const { answer } = scene(async (to) => reply(named(to), { accepted: named(to) === "r2" }));
  expect((await answer("arriving", notice, never)).accepted).toBe(false);
  expect((await answer("leaving", notice, never)).accepted).toBe(true);
});

test("a dead replica is asked again while its proxies connect elsewhere, then named, and holds up nobody longer", async () => {
  const { clock, asked, answer } = scene(async (to) => {
    if (named(to) === "r2") throw new Error("refused the connection");
    return reply("r3");
  });
  let answered: RoutingReply | undefined;
  void answer("leaving", notice, never).then((value) => {
    answered = value;
  });
  await clock.advance(returnTime - 400);
  expect(answered).toBeUndefined();
  await clock.advance(400);
  expect(answered).toMatchObject({ replicas: 2, subscribers: 3, silent: ["10.0.0.2:8080 refused the connection"] });
  expect(asked.length).toBeGreaterThan(10);
});

test("a replica that comes back within that time is not named", async () => {
  let down = true;
  const { clock, answer } = scene(async (to) => {
    if (named(to) === "r2" && down) throw new Error("refused the connection");
    return reply(named(to));
  });
  const answered = answer("leaving", notice, never);
  await clock.advance(1_000);
  down = false;
  await clock.advance(1_000);
  expect(await answered).toMatchObject({ replicas: 3, silent: [] });
});

test("an address behind which another control plane answers counts as silent", async () => {
  const { clock, answer } = scene(async () => reply("r2"));
  const answered = answer("leaving", notice, never);
  await clock.advance(returnTime);
  expect((await answered).silent).toEqual(["10.0.0.3:8080 is another control plane than Consul says"]);
});

test("a notice of the other direction ends the one before, the same one does not, and so does a caller that has gone", async () => {
  const { signals, answer } = scene(async () => new Promise(() => {}), new Promise(() => {}));
  const leaving = answer("leaving", { ...notice, relayed: true }, never);
  const again = answer("leaving", { ...notice, relayed: true }, never);
  expect(signals.map((signal) => signal.aborted)).toEqual([false, false]);
  const gone = new AbortController();
  const arriving = answer("arriving", { ...notice, relayed: true }, gone.signal);
  for (const ended of [leaving, again]) await expect(ended).rejects.toThrow("a later notice says that n1/o1 is arriving");
  expect(signals.map((signal) => signal.aborted)).toEqual([true, true, false]);
  gone.abort(new Error("gone"));
  await expect(arriving).rejects.toThrow("gone");
});

test("a notice that a later one has overtaken on another replica ends, and is not told there again", async () => {
  const { clock, asked, signals, answer } = scene(
    async (to) => {
      if (named(to) === "r2") throw new LegationError(superseded, "answered 409");
      return await new Promise(() => {});
    },
    new Promise(() => {}),
  );
  await expect(answer("leaving", notice, never)).rejects.toMatchObject({ code: superseded });
  await clock.advance(returnTime);
  expect(asked.length).toBe(2);
  expect(signals[0]?.aborted).toBe(true);
});

test("a question about TLS is asked of all as such, names who has no certificate, and ends no notice", async () => {
  const { asked, answer } = scene(
    async (to) => reply(named(to), to.address.includes("0.0.2") ? { laggards: ["n2/old"], withoutCertificate: ["n2/old"] } : {}),
    new Promise((resolve) => setImmediate(() => resolve({ ...proof, withoutCertificate: [] }))),
  );
  const leaving = answer("leaving", notice, never);
  expect(await answer("tls", { ...notice, tls: true, limitMs: 4_000 }, never)).toMatchObject({
    ...{ accepted: true, subscribers: 5, laggards: ["n2/old"], withoutCertificate: ["n2/old"], replicas: 3 },
  });
  expect(await leaving).toMatchObject({ accepted: true });
  expect(asked).toContainEqual(
    expect.objectContaining({ path: arrivingPath, body: { ...notice, tls: true, relayed: true, limitMs: 3_750 } }),
  );
});
