/** What is told of publications: whom each concerns, and that each of these tells once when it is past it, and not before. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Publication } from "./publication.js";
import { createScene, resource } from "./testing/scene.js";
import { DeltaClient, settle } from "./testing/scripted-client.js";
import { TypeUrl } from "./type.js";

const { cluster, endpoint } = TypeUrl;

function scene() {
  const publications: Publication[] = [];
  const made = createScene({ emptyAssignments: false, onPublication: (publication) => publications.push(publication) });
  const marked = () => publications.flatMap(({ marks }) => marks.map(({ names, streams }) => [[...names], streams]));
  const told = () => made.events.flatMap((event) => ("through" in event ? [`${event.kind} ${event.stream} ${event.through}`] : []));
  return { ...made, publications, marked, told };
}

async function subscriber({ server }: Pick<ReturnType<typeof scene>, "server">, node: string, names: readonly string[]) {
  const client = new DeltaClient(server, node);
  client.send({ typeUrl: endpoint, resourceNamesSubscribe: [...names] });
  await client.drain();
  return client;
}

describe("a publication", () => {
  it("names the streams that subscribe to what changed, and no others", async () => {
    const { cache, marked, ...rest } = scene();
    await subscriber(rest, "one", ["orders"]);
    await subscriber(rest, "two", ["orders", "stock"]);
    const three = new DeltaClient(rest.server, "three");
    three.send({ typeUrl: cluster });
    await three.drain();
    cache.patch("all", { set: [resource(endpoint, "stock"), resource(cluster, "stock")] });
    await settle();
    expect(marked()).toEqual([
      [["stock"], [2]],
      [["stock"], [2]],
      [["stock"], [3]],
    ]);
  });

  it("is told of when it is sent and when it is acknowledged", async () => {
    const { cache, told, events, ...rest } = scene();
    const client = await subscriber(rest, "one", ["orders"]);
    events.length = 0;
    cache.patch("all", { set: [resource(endpoint, "orders", "1")] });
    const response = await client.one();
    expect(told()).toEqual(["push 1 1"]);
    client.ack(response);
    expect(told()).toEqual(["push 1 1", "ack 1 1"]);
  });

  it("is settled with the newer one that overtook it before it could be sent", async () => {
    const { cache, told, events, ...rest } = scene();
    const client = await subscriber(rest, "one", ["orders"]);
    cache.patch("all", { set: [resource(endpoint, "orders", "1")] });
    const first = await client.one();
    for (const content of ["2", "3"]) {
      cache.patch("all", { set: [resource(endpoint, "orders", content)] });
      await settle();
    }
    events.length = 0;
    client.ack(first);
    client.ack(await client.one());
    expect(told()).toEqual(["ack 1 1", "push 1 3", "ack 1 3"]);
  });

  it("is settled without a message when what it changed has been changed back", async () => {
    const { cache, told, events, ...rest } = scene();
    const client = await subscriber(rest, "one", ["orders", "stock"]);
    cache.patch("all", { set: [resource(endpoint, "orders", "1")] });
    client.ack(await client.one());
    cache.patch("all", { set: [resource(endpoint, "stock", "1")] });
    const stock = await client.one();
    for (const content of ["2", "1"]) {
      cache.patch("all", { set: [resource(endpoint, "orders", content)] });
      await settle();
    }
    events.length = 0;
    client.ack(stock);
    expect(told()).toEqual(["ack 1 2", "settled 1 4"]);
  });

  it("is settled by a client that asks for what changed no more", async () => {
    const { cache, told, events, ...rest } = scene();
    const client = await subscriber(rest, "one", ["orders"]);
    client.wire.stalled = true;
    cache.patch("all", { set: [resource(endpoint, "orders", "1")] });
    await settle();
    cache.patch("all", { set: [resource(endpoint, "orders", "2")] });
    await settle();
    events.length = 0;
    client.send({ typeUrl: endpoint, resourceNamesUnsubscribe: ["orders"] });
    const [first] = await client.take();
    client.send({ typeUrl: endpoint, responseNonce: first?.nonce ?? "" });
    client.wire.resume();
    await settle();
    expect(told()).toContain("settled 1 2");
  });
});

const names = ["a", "b", "c"];
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("set" as const), name: fc.constantFrom(...names), content: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("remove" as const), name: fc.constantFrom(...names) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("answer" as const), client: fc.nat(1), refuse: fc.nat(9).map((n) => n === 0) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("stall" as const, "resume" as const), client: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("toggle" as const), client: fc.nat(1), name: fc.constantFrom(...names) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("close" as const), client: fc.nat(1) }) },
);

it("is accounted for by every stream that it marked, whatever happens, and never while the client holds something older", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { cache, server, clock, publications, events } = scene();
      /** The content of each name after each publication. */
      const history: ReadonlyMap<string, string>[] = [new Map()];
      const contents = () => new Map([...(cache.layer("all")?.get(endpoint)?.values() ?? [])].map((r) => [r.name, r.version]));
      const clients = [0, 1].map((index) => {
        const client = new DeltaClient(server, `node-${index}`);
        client.send({ typeUrl: endpoint, resourceNamesSubscribe: names });
        return { client, wanted: new Set(names), held: new Map<string, string>(), refused: new Set<string>() };
      });
      let seen = 0;

      /** A client that is said to be past a publication holds of each name what was there then or later. */
      const check = () => {
        for (const event of events.slice(seen)) {
          if ((event.kind !== "ack" && event.kind !== "settled") || event.through === undefined) continue;
          const { held, wanted, refused } = clients[event.stream - 1] as (typeof clients)[number];
          for (const name of wanted) {
            if (refused.has(name)) continue;
            const allowed = history.slice(event.through).map((at) => at.get(name));
            expect(allowed, `${name} at ${event.kind} through ${event.through}`).toContain(held.get(name));
          }
        }
        seen = events.length;
      };
      const published = async () => {
        await settle();
        while (history.length <= publications.length) history.push(contents());
        check();
      };
      const answer = async (index: number, refuse: boolean) => {
        const one = clients[index] as (typeof clients)[number];
        const [response] = await one.client.take();
        if (!response) return false;
        const set = response.resources.map(({ name, version }) => [name, version] as const);
        if (refuse && set.length > 0) {
          for (const [name] of set) one.refused.add(name);
          one.client.nack(response, "no");
          return true;
        }
        for (const [name, version] of set) if (one.wanted.has(name)) one.held.set(name, version);
        for (const name of response.removedResources) one.held.delete(name);
        one.client.ack(response);
        return true;
      };

      for (const step of steps) {
        if (step.kind === "set") cache.patch("all", { set: [resource(endpoint, step.name, String(step.content))] });
        else if (step.kind === "remove") cache.patch("all", { remove: [{ typeUrl: endpoint, name: step.name }] });
        else {
          const one = clients[step.client] as (typeof clients)[number];
          if (step.kind === "answer") await answer(step.client, step.refuse);
          else if (step.kind === "stall") one.client.wire.stalled = true;
          else if (step.kind === "resume") one.client.wire.resume();
          else if (step.kind === "close") one.client.call.closed();
          else if (step.kind === "toggle" && one.wanted.delete(step.name)) {
            one.held.delete(step.name);
            one.client.send({ typeUrl: endpoint, resourceNamesUnsubscribe: [step.name] });
          } else if (step.kind === "toggle") {
            one.wanted.add(step.name);
            one.client.send({ typeUrl: endpoint, resourceNamesSubscribe: [step.name] });
          }
        }
        await published();
      }
      for (const { client } of clients) client.wire.resume();
      for (let calm = 0; calm < 3; ) {
        await clock.advance(600_000);
        const answered = [await answer(0, false), await answer(1, false)];
        await published();
        calm = answered.includes(true) ? 0 : calm + 1;
      }

      const past = (stream: number) =>
        events.some((event) => event.kind === "stream-close" && event.stream === stream)
          ? Number.POSITIVE_INFINITY
          : Math.max(
              0,
              ...events.flatMap((e) => (e.stream === stream && (e.kind === "ack" || e.kind === "settled") ? (e.through ?? 0) : 0)),
            );
      for (const { number, marks } of publications)
        for (const { streams } of marks) for (const stream of streams) expect(past(stream)).toBeGreaterThanOrEqual(number);
    }),
    { numRuns: 300 },
  );
});
