/** The ledger on a real cache: what it attributes to which change, and that each proxy is accounted for once, whatever happens. */
import { createTestClock } from "@legation/runtime/testing";
import { createResourceCache, type Resource, TypeUrl, type XdsEvent } from "@legation/xds";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { changeTo } from "../testing/ledger.js";
import type { Change } from "./change.js";
import { createLedger } from "./ledger.js";
import type { LedgerRecord } from "./record.js";

const { endpoint, cluster } = TypeUrl;

function resource(typeUrl: string, name: string, content: string, service = name): Resource {
  return {
    typeUrl,
    name,
    version: content,
    bytes: Buffer.from(content),
    provenance: { service, source: "catalog", policies: ["Service/orders"] },
  };
}

/** A ledger with its cache; `publish` does what the reconciler does, and `carry` what the xDS server does. */
function scene(records: readonly LedgerRecord[] = []) {
  const clock = createTestClock();
  const cache = createResourceCache();
  const closed: LedgerRecord[] = [];
  const ledger = createLedger({
    ...{ cache, clock, records, word: (typeUrl: string) => (typeUrl === endpoint ? "endpoints" : "cluster") },
    changed: () => undefined,
    closed: (_, record) => closed.push(record),
    describe: ({ name, provenance }) => ({ resource: name, policies: (provenance as { policies: string[] }).policies }),
  });
  let publication = 0;
  const on = (stream: number) => ({ stream, node: `n1/web-${stream}` });
  const open = (...streams: number[]) => {
    for (const stream of streams) ledger.take({ kind: "stream-open", ...on(stream), peer: "", variant: "delta", description: {} as never });
  };
  const see = (change: Change, ...services: string[]) =>
    ledger.seen([change], () => {
      for (const service of services) ledger.touched(service);
    });
  const publish = (services: readonly string[], ...set: Resource[]) => {
    ledger.publishing();
    cache.patch("all", { set });
    ledger.published(services);
  };
  const carry = (typeUrl: string, names: readonly string[], ...streams: number[]) => {
    ledger.publication({ number: ++publication, marks: [{ layer: "all", typeUrl, names, streams }] });
    return publication;
  };
  const push = (stream: number, through: number | undefined, ...resources: Resource[]) =>
    ledger.take({
      kind: "push",
      ...on(stream),
      typeUrl: resources[0]?.typeUrl ?? endpoint,
      nonce: "",
      resources,
      removed: [],
      bytes: 1,
      through,
    });
  const ack = (stream: number, through: number, typeUrl: string = endpoint) =>
    ledger.take({ kind: "ack", ...on(stream), typeUrl, nonce: "", resources: [], removed: [], milliseconds: 1, through });
  const other = (event: Partial<XdsEvent> & { kind: XdsEvent["kind"] }, stream: number) =>
    ledger.take({ ...on(stream), ...event } as XdsEvent);
  const of = (id: string) => ledger.book.record(id) as LedgerRecord;
  return { clock, cache, ledger, closed, open, see, publish, carry, push, ack, other, of };
}

describe("a change", () => {
  it("is seen, compiled, sent and acknowledged, each at its time, by the proxies that subscribe to it", async () => {
    const { clock, open, see, publish, carry, push, ack, of, closed } = scene();
    open(1, 2, 3);
    see(changeTo("orders", "7"), "orders");
    await clock.advance(5);
    const orders = resource(endpoint, "orders", "1");
    publish(["orders"], orders);
    const number = carry(endpoint, ["orders"], 1, 2);
    await clock.advance(5);
    for (const stream of [1, 2]) push(stream, number, orders);
    await clock.advance(10);
    ack(1, number);
    expect(of("registry:orders:7")).toMatchObject({ acknowledged: 1, waiting: 1, laggards: ["n1/web-2"], closed: false });
    await clock.advance(10);
    ack(2, number);
    expect(of("registry:orders:7")).toMatchObject({
      ...{ compiled: 5, sentFirst: 10, sentLast: 10, acknowledged: 2, waiting: 0, closed: true },
      ...{ last: { node: "n1/web-2", ms: 30 }, resources: ["endpoints orders"] },
    });
    expect(closed).toHaveLength(1);
  });

  it("that alters nothing has nothing to send", () => {
    const { see, publish, of } = scene();
    see(changeTo("orders", "7"), "orders");
    publish(["orders"]);
    expect(of("registry:orders:7")).toMatchObject({ closed: true, acknowledged: 0, waiting: 0, resources: [] });
    see(changeTo("orders", "8"));
    expect(of("registry:orders:8")).toMatchObject({ closed: true });
  });

  it("has the endpoints of its own service and not of those that were compiled beside it, and the callers' resources that its service is in", () => {
    const { open, see, publish, of } = scene();
    open(1);
    see(changeTo("orders", "7"), "orders");
    see(changeTo("stock", "8"), "stock");
    const set = [resource(endpoint, "orders", "1"), resource(endpoint, "stock", "1"), resource(cluster, "stock", "1")];
    publish(["orders", "stock", "idle"], ...set, resource(endpoint, "idle", "1"), resource(cluster, "all-of-web", "1", "web"));
    expect(of("registry:orders:7").resources).toEqual(["endpoints orders", "cluster all-of-web"]);
    expect(of("registry:stock:8").resources).toEqual(["endpoints stock", "cluster stock", "cluster all-of-web"]);
    expect(of("registry:orders:7").batch).toBe(of("registry:stock:8").batch);
  });

  it("does not concern a proxy that was sent nothing of it", () => {
    const { open, see, publish, carry, ack, other, of } = scene();
    open(1, 2);
    see(changeTo("orders", "7"), "orders");
    publish(["orders"], resource(endpoint, "orders", "1"));
    const number = carry(endpoint, ["orders"], 1, 2);
    other({ kind: "settled", typeUrl: endpoint, through: number }, 1);
    ack(2, number);
    expect(of("registry:orders:7")).toMatchObject({ closed: true, acknowledged: 0, gone: 0, waiting: 0 });
  });

  it("says what a proxy refused and why, and is not undone by what the proxy takes later", () => {
    const { open, see, publish, carry, push, ack, other, of } = scene();
    open(1);
    see(changeTo("orders", "7"), "orders");
    const orders = resource(endpoint, "orders", "1");
    publish(["orders"], orders);
    const number = carry(endpoint, ["orders"], 1);
    push(1, number, orders);
    const refusal = { kind: "nack", typeUrl: endpoint, message: "no such thing", resources: [orders] } as const;
    other({ ...refusal, isolated: false }, 1);
    expect(of("registry:orders:7")).toMatchObject({ refused: 0, waiting: 1 });
    other({ ...refusal, isolated: true }, 1);
    ack(1, number);
    expect(of("registry:orders:7")).toMatchObject({
      ...{ refused: 1, acknowledged: 0, closed: true },
      refusals: [{ node: "n1/web-1", resource: "orders", message: "no such thing", policies: ["Service/orders"] }],
    });
  });

  it("is overtaken by a later one of the same resources that goes out in its place", () => {
    const { open, see, publish, carry, push, ack, of } = scene();
    open(1);
    const contents = ["1", "2"].map((content) => resource(endpoint, "orders", content));
    const numbers = contents.map((orders, i) => {
      see(changeTo("orders", String(7 + i)), "orders");
      publish(["orders"], orders);
      return carry(endpoint, ["orders"], 1);
    });
    push(1, numbers[1] ?? 0, contents[1] as Resource);
    ack(1, numbers[1] ?? 0);
    expect(of("registry:orders:7")).toMatchObject({ overtakenBy: "registry:orders:8", acknowledged: 1, closed: true });
    expect(of("registry:orders:8").overtakenBy).toBeUndefined();
  });

  it("is overtaken within a batch by a later one of the same thing alone", () => {
    const { see, publish, of } = scene();
    const item = (name: string, mark: number) => changeTo("orders", String(mark), { items: [{ name, after: mark - 1, index: mark }] });
    for (const change of [item("a", 7), item("b", 8), item("a", 9)]) see(change, "orders");
    publish(["orders"], resource(endpoint, "orders", "1"));
    expect([7, 8, 9].map((mark) => of(`registry:orders:${mark}`).overtakenBy)).toEqual(["registry:orders:9", undefined, undefined]);
  });

  it("that touches several services is over when all are compiled, and counts each proxy once", () => {
    const { open, see, publish, carry, push, ack, of } = scene();
    open(1, 2);
    see(changeTo("mesh", "7"), "orders", "stock");
    const [orders, stock] = [resource(endpoint, "orders", "1"), resource(endpoint, "stock", "1")];
    publish(["orders"], orders);
    const first = carry(endpoint, ["orders"], 1, 2);
    for (const stream of [1, 2]) push(stream, first, orders);
    for (const stream of [1, 2]) ack(stream, first);
    expect(of("registry:mesh:7")).toMatchObject({ closed: false, waiting: 2, acknowledged: 0 });
    publish(["stock"], stock);
    const second = carry(endpoint, ["stock"], 1);
    expect(of("registry:mesh:7")).toMatchObject({ closed: false, waiting: 1, acknowledged: 1 });
    push(1, second, stock);
    ack(1, second);
    expect(of("registry:mesh:7")).toMatchObject({ closed: true, waiting: 0, acknowledged: 2 });
  });

  it("of an agent's notice is recorded only where it alters something", () => {
    const { ledger, publish } = scene();
    ledger.seen([changeTo("orders", "7")], () => publish(["orders"]), "orders");
    ledger.seen([changeTo("orders", "8")], () => undefined, "orders");
    ledger.seen([changeTo("orders", "9")], () => publish(["orders"], resource(endpoint, "orders", "1")), "orders");
    expect([7, 8, 9].map((mark) => ledger.book.record(`registry:orders:${mark}`) !== undefined)).toEqual([false, false, true]);
  });

  it("of an earlier run is kept, and seen anew only once Consul has been read", () => {
    const before = scene();
    before.open(1);
    before.see(changeTo("orders", "7"), "orders");
    before.publish(["orders"], resource(endpoint, "orders", "1"));
    before.carry(endpoint, ["orders"], 1);
    const { ledger, see, of } = scene([before.of("registry:orders:7")]);
    expect(of("registry:orders:7")).toMatchObject({ closed: true, waiting: 0, abandoned: 1, laggards: ["n1/web-1"] });
    see(changeTo("orders", "7"), "orders");
    expect(ledger.book.size).toBe(1);
    ledger.caughtUp();
    see(changeTo("orders", "7"), "orders");
    expect(of("registry:orders:7~2")).toMatchObject({ closed: false });
  });
});

const stream = fc.nat(3);
const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("change" as const),
      services: fc.uniqueArray(fc.nat(2), { minLength: 1 }),
      streams: fc.uniqueArray(stream),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("push" as const, "ack" as const, "settled" as const), stream }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("nack" as const), stream, service: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("close" as const, "wait" as const), stream }) },
);

it("accounts for every proxy that was marked exactly once, in any order of answers, refusals and ends", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { clock, ledger, open, see, publish, carry, push, ack, other, of, closed } = scene();
      open(0, 1, 2, 3);
      /** By change: the streams that it marked, and of these which were sent something of it. */
      const marked = new Map<string, Set<number>>();
      const alive = new Set([0, 1, 2, 3]);
      let last = 0;
      let serial = 0;
      const names = ["a", "b", "c"];
      const now = new Map(names.map((name) => [name, resource(endpoint, name, "0")]));
      for (const step of steps) {
        if (step.kind === "change") {
          const id = String(++serial);
          const services = step.services.map((index) => names[index] as string);
          see(changeTo("mesh", id, { items: [] }), ...services);
          const streams = new Set<number>();
          for (const service of services) {
            const next = resource(endpoint, service, id);
            now.set(service, next);
            publish([service], next);
            const of = step.streams.filter((one) => alive.has(one));
            for (const one of of) streams.add(one);
            last = carry(endpoint, [service], ...of);
          }
          marked.set(`registry:mesh:${id}`, streams);
        } else if (step.kind === "push") push(step.stream, last, ...now.values());
        else if (step.kind === "ack") ack(step.stream, last);
        else if (step.kind === "settled") other({ kind: "settled", typeUrl: endpoint, through: last }, step.stream);
        else if (step.kind === "nack") {
          const resources = [now.get(names[step.service] as string) as Resource];
          other({ kind: "nack", typeUrl: endpoint, message: "no", resources, isolated: true }, step.stream);
        } else if (step.kind === "close") {
          alive.delete(step.stream);
          other({ kind: "stream-close", peer: "", reason: "" }, step.stream);
        } else await clock.advance(1);
        for (const [id, streams] of marked) {
          const { acknowledged, refused, gone, waiting } = of(id);
          expect(acknowledged + refused + gone + waiting).toBeLessThanOrEqual(streams.size);
        }
      }
      for (const one of alive) {
        push(one, last, ...now.values());
        ack(one, last);
      }
      expect([...ledger.underWay()]).toEqual([]);
      expect(closed.map(({ id }) => id).sort()).toEqual([...marked.keys()].sort());
      for (const id of marked.keys()) {
        const record = of(id);
        expect(record).toMatchObject({ waiting: 0, closed: true, laggards: [] });
        const counted = record.durations.filter((_, i) => i % 2 === 1).reduce((a, b) => a + b, 0);
        expect(counted).toBe(record.acknowledged);
      }
    }),
    { numRuns: 300 },
  );
});
