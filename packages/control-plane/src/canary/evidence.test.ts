import type { CanaryRecord } from "@legation/mesh/policy";
import { createTestClock } from "@legation/runtime/testing";
import { type StreamStatus, TypeUrl } from "@legation/xds";
import { expect, test } from "vitest";
import { createAnswerBook } from "./answer-book.js";
import { allEvidence, createBaseline, type OwnEvidence, ownEvidence } from "./evidence.js";

const question = { bundle: "b", since: 0 };

/** Reports every 10 s of an instance with so many requests and failures in each 10 s. */
function scene() {
  const clock = createTestClock();
  const book = createAnswerBook(clock);
  const totals = new Map<string, { requests: number; failures: number }>();
  const report = (id: string, requests: number, failures: number, anew = false) => {
    const before = anew ? undefined : totals.get(id);
    const answers = { requests: (before?.requests ?? 0) + requests, failures: (before?.failures ?? 0) + failures };
    totals.set(id, answers);
    const rest = { agentVersion: "1", state: "running", restartCount: 0, admin: "a" } as const;
    book.take({ node: "n1", id, service: id.split("-")[0] ?? "", answers, ...rest });
  };
  const rounds = async (count: number, fill: () => void) => {
    for (let i = 0; i < count; i++) {
      fill();
      await clock.advance(10_000);
    }
  };
  const record = (): CanaryRecord =>
    ({
      proxies: [{ node: "n1/web-1", service: "web" }],
      terms: { window: 30, requests: 1, limit: 60 },
      startedAt: new Date(clock.now()).toISOString(),
    }) as unknown as CanaryRecord;
  return { clock, book, report, rounds, record };
}

test("requests are told apart by before and after, canary and peers, and by service; an Envoy that starts anew counts from nothing", async () => {
  const { clock, book, report, rounds, record } = scene();
  await rounds(4, () => {
    report("web-1", 100, 1);
    report("web-2", 50, 0);
    report("orders-1", 9, 9);
  });
  const canary = record();
  const baseline = createBaseline(book);
  const since = clock.now();
  await rounds(3, () => {
    report("web-1", 100, 40);
    report("web-2", 50, 0);
  });
  const own = (now = clock.now()) =>
    ownEvidence(canary, { ...question, since }, { streams: () => [], serves: () => true, book, baseline, now });
  expect(own().answers).toEqual([
    {
      service: "web",
      canary: { requests: 200, failures: 80 },
      before: { requests: 300, failures: 2 },
      peers: { requests: 100, failures: 0 },
    },
  ]);
  report("web-1", 10, 5, true);
  expect(own().answers[0]?.canary).toEqual({ requests: 0, failures: 0 });
});

test("a canary that lasts is compared with all that was counted in it, and with the time before it, whatever the book has forgotten", async () => {
  const { clock, book, report, rounds, record } = scene();
  const baseline = createBaseline(book);
  await rounds(4, () => report("web-1", 100, 5));
  const canary = record();
  const own = (since: number) =>
    ownEvidence(canary, { bundle: "b", since }, { streams: () => [], serves: () => true, book, baseline, now: clock.now() }).answers[0];
  const since = clock.now();
  await rounds(1, () => report("web-1", 10, 0));
  expect(own(since)?.before).toEqual({ requests: 200, failures: 10 });
  await rounds(60, () => report("web-1", 10, 1));
  expect(own(since)).toMatchObject({ canary: { requests: 600, failures: 60 }, before: { requests: 200, failures: 10 } });
  // The next one is another canary, with a time before of its own.
  const next = { ...canary, startedAt: new Date(clock.now()).toISOString() };
  await rounds(1, () => report("web-1", 10, 0));
  const { answers } = ownEvidence(next, { bundle: "b" }, { streams: () => [], serves: () => true, book, baseline, now: clock.now() });
  expect(answers[0]?.before).toEqual({ requests: 20, failures: 2 });
});

test("a proxy is where it is connected, and acknowledges only once it has been served", () => {
  const { book, record, clock } = scene();
  const state = (stream: object | undefined, serves = true) => {
    const all = stream ? [{ node: "n1/web-1", ready: true, types: [], ...stream } as unknown as StreamStatus] : [];
    const streams = (wanted: (node: string) => boolean) => (wanted("n1/web-2") ? [] : all.filter(({ node }) => wanted(node)));
    return ownEvidence(record(), question, { streams, serves: () => serves, book, baseline: createBaseline(book), now: clock.now() })
      .proxies[0];
  };
  const type = (change: object) => ({ types: [{ typeUrl: TypeUrl.listener, rejected: [], ...change }] });
  expect(state(undefined)?.state).toBe("away");
  expect(state({}, false)?.state).toBe("pending");
  expect(state(type({ outstandingSince: 1 }))?.state).toBe("pending");
  expect(state({ ready: false })?.state).toBe("pending");
  expect(state(type({}))?.state).toBe("acknowledged");
  const message = "Error adding/updating listener(s) inbound: no\noutbound: no file";
  expect(state(type({ rejected: [{ name: "outbound", message }] }))).toEqual({
    node: "n1/web-1",
    state: "refused",
    message: "listener outbound: no file",
  });
});

test("what all replicas know is put together, and one that is silent is told", async () => {
  const answers = (canary: number, peers: number) => [
    {
      service: "web",
      canary: { requests: canary, failures: 1 },
      before: { requests: 1, failures: 0 },
      peers: { requests: peers, failures: 0 },
    },
  ];
  const own: OwnEvidence = { proxies: [{ node: "n1/web-1", state: "away" }], answers: answers(0, 5) };
  const theirs: OwnEvidence = { proxies: [{ node: "n1/web-1", state: "acknowledged" }], answers: answers(7, 5) };
  const silent: string[] = [];
  const others = ["b", "c"].map((replica) => ({ replica, address: `${replica}:80`, tls: false }));
  const found = await allEvidence(
    own,
    question,
    {
      others: () => others,
      ask: async ({ replica }) => (replica === "b" ? theirs : Promise.reject(new Error("refused the connection"))),
      onSilent: (why) => void silent.push(why),
    },
    new AbortController().signal,
  );
  expect(found).toEqual({
    proxies: [{ node: "n1/web-1", state: "acknowledged" }],
    answers: [
      { service: "web", canary: { requests: 7, failures: 2 }, before: { requests: 2, failures: 0 }, peers: { requests: 10, failures: 0 } },
    ],
  });
  expect(silent).toEqual(["c:80 refused the connection"]);
});
