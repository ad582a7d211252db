/**
 * What happens in the mesh, told once: each event gets an identity that every control plane would give it, so that what several of them see by
 * themselves is one event, whoever is first.
 */
import { createHash } from "node:crypto";
import type { MeshEvent } from "@legation/contract/api";
import type { Clock } from "@legation/runtime";
import { createEventLog, type EventLog, type EventRow } from "./event-log.js";
import { forgottenBy, standingOf } from "./subject.js";
import type { ToldEvent } from "./told-event.js";

/** Subjects whose last event is remembered, at most; the one that was told of longest ago goes first. */
export const subjectsKept = 200_000;

/** Whoever has something to tell uses this. */
export interface Teller {
  /** Tells an event, unless it says of its subject what was said last, here or at another control plane. */
  tell(event: ToldEvent): void;
  /** Says how something stands that is looked at for the first time: told only when it is known to have stood otherwise. */
  settle(event: ToldEvent): void;
}

/** See the file's sentence. */
export interface Events extends Teller {
  readonly log: EventLog;
  /** How the subject of an event stands by what was said last; undefined where nothing is remembered. See `subject.ts`. */
  stateOf(event: ToldEvent): string | undefined;
  /** Whether an event says what was said last. */
  holds(event: ToldEvent): boolean;
  /** Takes a row of another control plane or of the last run. */
  take(row: EventRow): void;
  /** The events, oldest first. */
  list(): readonly MeshEvent[];
}

interface Said {
  readonly state: string;
  /** Of the event that said it; "" for what was not told. */
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** Makes it, without events. `run` names this run of the control plane; `address` is where it answers. `kept` is called with each row that is added. */
export function createEvents(o: {
  readonly clock: Clock;
  readonly run: string;
  readonly address: () => string;
  readonly kept?: (row: EventRow) => void;
}): Events {
  const { clock, run } = o;
  const log = createEventLog();
  const said = new Map<string, Said>();
  let seq = 0;

  function say(subject: string, what: Said): void {
    said.delete(subject);
    said.set(subject, what);
    if (said.size > subjectsKept) for (const oldest of said.keys()) if (said.delete(oldest)) break;
  }

  function add(row: EventRow): void {
    if (!log.add(row)) return;
    const { event } = row;
    const at = Date.parse(event.time);
    const { subject, state } = standingOf(event, at, row.run);
    // What another control plane saw earlier and tells late does not say how it stands now.
    if (at >= (said.get(subject)?.at ?? 0)) say(subject, { state, id: event.id, at });
    for (const forgotten of forgottenBy(event)) said.delete(forgotten);
    o.kept?.(row);
  }

  function tell(told: ToldEvent): void {
    const now = clock.now();
    const { subject, state } = standingOf(told, now, run);
    const before = said.get(subject);
    if (before?.state === state) return;
    seq++;
    const named = createHash("sha256")
      .update(JSON.stringify([subject, state, before?.id ?? ""]))
      .digest("base64url")
      .slice(0, 16);
    const id = log.has(named) ? `${run}-${seq}` : named;
    // Later than what it follows, whatever the clock says.
    const time = new Date(Math.max(now, before?.at ?? 0)).toISOString();
    add({ run, seq, event: { id, time, severity: "info", replica: o.address(), ...told } as MeshEvent });
  }

  return {
    log,
    tell,
    settle(told) {
      const now = clock.now();
      const { subject, state } = standingOf(told, now, run);
      if (said.has(subject)) tell(told);
      else say(subject, { state, id: "", at: 0 });
    },
    stateOf: (told) => said.get(standingOf(told, clock.now(), run).subject)?.state,
    holds(told) {
      const { subject, state } = standingOf(told, clock.now(), run);
      return said.get(subject)?.state === state;
    },
    take: add,
    list: () => log.list().map(({ event }) => event),
  };
}
