import { createTestClock } from "@legation/runtime/testing";
import { expect, test } from "vitest";
import { cursorRuns, cursorText, movedOn, parseCursor } from "./cursor.js";
import { createEventLog, type EventRow, type KeptRow } from "./event-log.js";
import { createEvents, type Events } from "./events.js";
import type { ToldEvent } from "./told-event.js";

const start = Date.parse("2026-01-01T00:00:00Z");

function health(to: "passing" | "critical", instance = "n1/o1"): ToldEvent {
  return { type: "instance.health-changed", service: "orders", instance, text: `${instance} is ${to}`, details: { to, checks: [] } };
}

/** Two control planes that see the same registry, and tell each other everything when `exchange` is called. */
function pair() {
  const clock = createTestClock(start);
  const made = (run: string): Events => createEvents({ clock, run, address: () => `${run}:8080` });
  const [a, b] = [made("aaaaaaaa"), made("bbbbbbbb")];
  const places = { ab: 0, ba: 0 };
  const pass = (from: Events, to: Events, key: "ab" | "ba") => {
    for (const { run, seq, event } of from.log.after(places[key], 1_000)) to.take({ run, seq, event });
    places[key] = from.log.end;
  };
  const exchange = () => {
    pass(a, b, "ab");
    pass(b, a, "ba");
  };
  return { clock, a, b, exchange };
}

const shown = (events: Events) => events.list().map(({ details }) => ("to" in details ? details.to : ""));

test("what both control planes see is one event with one id, whoever is first", async () => {
  const { clock, a, b, exchange } = pair();
  a.tell(health("critical"));
  b.tell(health("critical"));
  expect(a.list()[0]?.id).toBe(b.list()[0]?.id);
  exchange();
  a.tell(health("passing"));
  exchange();
  await clock.advance(5);
  b.tell(health("passing"));
  b.tell(health("critical"));
  exchange();
  exchange();
  expect(shown(a)).toEqual(["critical", "passing", "critical"]);
  expect(shown(b)).toEqual(shown(a));
  expect(new Set(a.list().map(({ id }) => id)).size).toBe(3);
});

test("what one alone sees reaches the other, and what is looked at for the first time is told only when it was known otherwise", () => {
  const { a, b, exchange } = pair();
  a.tell(health("critical", "n1/o2"));
  exchange();
  expect(b.list()).toHaveLength(1);
  b.settle(health("critical", "n1/o2"));
  b.settle(health("critical", "n1/o3"));
  expect(b.list()).toHaveLength(1);
  b.settle(health("passing", "n1/o2"));
  b.tell(health("passing", "n1/o3"));
  expect(shown(b)).toEqual(["critical", "passing", "passing"]);
});

test("what another one tells late is listed, and does not stand in place of what was seen after it", async () => {
  const { clock, a, b, exchange } = pair();
  a.tell(health("critical"));
  await clock.advance(1_000);
  b.tell(health("passing"));
  exchange();
  b.tell(health("passing"));
  expect(shown(b)).toEqual(["passing", "critical"]);
  b.tell(health("critical"));
  expect(shown(b)).toEqual(["passing", "critical", "critical"]);
});

test("an instance that is registered anew begins without a past", () => {
  const { a } = pair();
  const leaves: ToldEvent = { type: "instance.draining", service: "orders", instance: "n1/o1", text: "leaves", details: {} };
  a.tell(leaves);
  a.tell(leaves);
  expect(a.list()).toHaveLength(1);
  a.tell({ type: "instance.deregistered", service: "orders", instance: "n1/o1", text: "gone", details: {} });
  a.tell(leaves);
  expect(a.list().map(({ type }) => type)).toEqual(["instance.draining", "instance.deregistered", "instance.draining"]);
});

/** What a reader is given from `log` behind its cursor; the cursor is moved. */
function read(events: Events, cursor: Map<string, number>, most = 1_000): string[] {
  const got: string[] = [];
  for (const row of events.log.list()) {
    if (events.log.covers(cursor, row)) continue;
    if (got.length === most) break;
    got.push(row.event.id);
    cursor.set(row.run, Math.max(row.seq, cursor.get(row.run) ?? 0));
  }
  return got;
}

test("a reader that changes the control plane after any event loses none and is given none twice", () => {
  for (let moveAfter = 0; moveAfter <= 12; moveAfter++) {
    const { a, b, exchange } = pair();
    for (let i = 0; i < 6; i++) {
      a.tell(health(i % 2 === 0 ? "critical" : "passing", "n1/both"));
      b.tell(health(i % 2 === 0 ? "critical" : "passing", "n1/both"));
      a.tell(health("critical", `n1/a${i}`));
      b.tell(health("critical", `n1/b${i}`));
      if (i % 3 !== 1) exchange();
    }
    exchange();
    exchange();
    const cursor = new Map<string, number>();
    const got = [...read(a, cursor, moveAfter)];
    const there = parseCursor(cursorText(cursor)) ?? new Map<string, number>();
    got.push(...read(b, new Map(there)));
    expect(got).toHaveLength(new Set(got).size);
    expect(new Set(got)).toEqual(new Set(a.list().map(({ id }) => id)));
  }
});

test("what a control plane told just before its end is known by its id when the other one tells it", () => {
  const { a, b } = pair();
  a.tell(health("critical"));
  const cursor = new Map<string, number>();
  const [first] = read(a, cursor);
  b.tell(health("critical"));
  expect(read(b, cursor)).toEqual([first]);
});

function row(run: string, seq: number): EventRow {
  const event = {
    id: `${run}-${seq}`,
    time: new Date(start).toISOString(),
    severity: "info",
    replica: "",
    text: "",
    type: "catalog.fresh",
    details: {},
  };
  return { run, seq, event: event as EventRow["event"] };
}

test("the ring holds the newest, and says what a reader has missed for good", () => {
  const log = createEventLog(100);
  for (let seq = 1; seq <= 1_000; seq++) log.add(row("aaaaaaaa", seq));
  expect(log.list().length).toBeGreaterThanOrEqual(100);
  expect(log.list().length).toBeLessThanOrEqual(110);
  const oldest = log.list()[0] as KeptRow;
  expect(log.gap(new Map([["aaaaaaaa", oldest.seq - 1]]))).toBeUndefined();
  expect(log.gap(new Map([["aaaaaaaa", oldest.seq - 4]]))).toMatchObject({ missing: 3 });
  expect(log.gap(new Map())).toMatchObject({ missing: oldest.seq - 1 });
  expect(log.after(log.end - 2, 10).map(({ seq }) => seq)).toEqual([999, 1_000]);
  expect(log.after(0, 2).map(({ seq }) => seq)).toEqual([oldest.seq, oldest.seq + 1]);
  expect(log.add(row("aaaaaaaa", 5))).toBe(false);
});

test("whoever waits for news is woken by the next event, and not without one", async () => {
  const log = createEventLog();
  const gone = new AbortController();
  const given = log.next(0, gone.signal);
  log.add(row("aaaaaaaa", 1));
  await given;
  const never = log.next(1, gone.signal);
  gone.abort(new Error("gone"));
  await expect(never).rejects.toThrow("gone");
});

test.each(["", "x", "aaaaaaaa", "aaaaaaaa.", "aaaaaaaa.1_", "aaaaaaaa.-1", "AAAAAAAA.1"])("%j is no cursor", (text) =>
  expect(parseCursor(text)).toBeUndefined(),
);

test("a reader keeps its place at those that live, however many runs have gone meanwhile", () => {
  const run = (i: number) => String(i).padStart(8, "0");
  let cursor = movedOn(new Map(), [[run(0), 1]]);
  for (let i = 1; i <= 2 * cursorRuns; i++)
    cursor = parseCursor(
      cursorText(
        movedOn(cursor, [
          [run(i), 1],
          [run(0), i],
        ]),
      ),
    ) as typeof cursor;
  expect(cursor.get(run(0))).toBe(2 * cursorRuns);
  expect(cursor.size).toBe(cursorRuns);
  // Of a run that is told anew from an earlier place nothing is taken back.
  expect(movedOn(cursor, [[run(0), 1]]).get(run(0))).toBe(2 * cursorRuns);
});
