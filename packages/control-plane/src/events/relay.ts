/** The events of the other control planes: each of these is asked all the time for what it has learnt since, and answers when there is something. */

import { meshEvent } from "@legation/contract/api";
import { type Clock, type Logger, messageOf, type Timer } from "@legation/runtime";
import { z } from "zod";
import type { AskReplica } from "../replicas/ask-replica.js";
import type { Replica } from "../replicas/directory.js";
import type { EventLog, EventRow, KeptRow } from "./event-log.js";

/** The path by which control planes ask each other. */
export const eventsPath = "/v1/agents/events";

/** How long a control plane without news waits for some before it answers; milliseconds. */
export const newsWait = 10_000;

/** How long another one is waited for; milliseconds. */
const askLimit = newsWait + 5_000;

/** Between two questions to one control plane; after a failure; milliseconds. */
const pace = { asked: 50, failed: 1_000 } as const;

/** Rows of one answer. */
const rowsAtOnce = 500;

/** What is asked: everything that the other one has learnt after a place in its own log. */
export interface EventQuestion {
  readonly relayed: true;
  readonly after: number;
}

/** What is answered; the place of the last row. */
export interface EventAnswer {
  readonly rows: readonly EventRow[];
  readonly upTo: number;
}

const run = z.string().regex(/^[0-9a-f]{8}$/);
const answer = z.object({ rows: z.array(z.object({ run, seq: z.int().min(1), event: z.unknown() })), upTo: z.int().min(0) });

function readAnswer(told: unknown): z.output<typeof answer> {
  const read = answer.safeParse(told);
  if (!read.success) throw new Error("tells of its events what this version does not understand");
  return read.data;
}

/** Answers another control plane. */
export async function answerEvents(log: EventLog, after: number, clock: Clock, signal: AbortSignal): Promise<EventAnswer> {
  const limit = new AbortController();
  const timer = clock.timeout(newsWait, () => limit.abort(new Error("no news")));
  await log.next(after, AbortSignal.any([signal, limit.signal])).catch(() => undefined);
  timer.cancel();
  const found = log.after(after, rowsAtOnce);
  return { rows: found.map(rowOf), upTo: found.at(-1)?.place ?? log.end };
}

function rowOf({ run, seq, event }: KeptRow): EventRow {
  return { run, seq, event };
}

/** See the file's sentence. */
export interface EventRelay {
  /** These are the others now. */
  replicas(others: readonly Replica[]): void;
  /** Those that do not answer, each with the reason. */
  silent(): readonly string[];
  stop(): void;
}

/** Makes the relay; `take` gets each row of the others. A row that this version does not know is left out. */
export function createEventRelay(o: {
  readonly ask: AskReplica;
  readonly take: (row: EventRow) => void;
  readonly clock: Clock;
  readonly log: Logger;
}): EventRelay {
  const stopping = new AbortController();
  /** By the name of a replica, which is another after each start. */
  const followed = new Map<string, { address: string; problem?: string | undefined; timer?: Timer; readonly end: AbortController }>();

  function follow(replica: Replica): void {
    const { replica: name, address } = replica;
    const state: { address: string; problem?: string | undefined; timer?: Timer; readonly end: AbortController } = {
      address,
      end: new AbortController(),
    };
    followed.set(name, state);
    const signal = AbortSignal.any([stopping.signal, state.end.signal]);
    let after = 0;
    const turn = async (): Promise<void> => {
      let wait: number = pace.asked;
      try {
        const question: EventQuestion = { relayed: true, after };
        const { rows, upTo } = readAnswer(await o.ask(replica, eventsPath, question, askLimit, signal));
        for (const { event, ...row } of rows) {
          const read = meshEvent.safeParse(event);
          if (read.success) o.take({ ...row, event: read.data });
        }
        after = upTo;
        if (state.problem !== undefined) o.log.info({ event: "event-relay.restored", address }, `${address} tells its events again`);
        state.problem = undefined;
      } catch (error) {
        if (signal.aborted) return;
        wait = pace.failed;
        const problem = messageOf(error);
        if (state.problem === undefined)
          o.log.warn({ event: "event-relay.lost", address, why: problem }, `${address} does not tell its events: ${problem}`);
        state.problem = problem;
      }
      if (!signal.aborted) state.timer = o.clock.timeout(wait, () => void turn());
    };
    void turn();
  }

  function leave(name: string): void {
    const state = followed.get(name);
    state?.end.abort(new Error("the replica has left"));
    state?.timer?.cancel();
    followed.delete(name);
  }

  return {
    replicas(others) {
      if (stopping.signal.aborted) return;
      const names = new Set(others.map(({ replica }) => replica));
      for (const name of [...followed.keys()]) if (!names.has(name)) leave(name);
      for (const replica of others) if (!followed.has(replica.replica)) follow(replica);
    },
    silent: () => [...followed.values()].flatMap(({ address, problem }) => (problem === undefined ? [] : [`${address} ${problem}`])),
    stop() {
      stopping.abort(new Error("the control plane stops"));
      for (const name of [...followed.keys()]) leave(name);
    },
  };
}
