/** The figures of agents that report to other control planes: asked of each of these, as far as they have changed since. */
import { type Clock, type Logger, messageOf, type Timer } from "@legation/runtime";
import type { AskReplica } from "../replicas/ask-replica.js";
import type { Replica } from "../replicas/directory.js";
import type { FigureBook, FigureRows } from "./book.js";

/** The path by which control planes ask each other. */
export const figuresPath = "/v1/agents/figures";

/** How often each of the others is asked; milliseconds. */
export const relayInterval = 2_000;

/** How long another one is waited for; milliseconds. */
const askLimit = 2_000;

/** After a start, proxies wait so long at most until this replica knows what the others know; milliseconds. */
export const settleLimit = 5_000;

/** Of one answer; bytes. */
export const relayedBytes = 256 * 1_024;

/** What is asked: `relayed` because it is a control plane that asks, and all that has changed after that place in the order of change. */
export interface FigureQuestion {
  readonly relayed: true;
  readonly after: number;
}

/** See the file's sentence. */
export interface FigureRelay {
  start(): void;
  /** Consul has said who the others are. */
  replicasKnown(): void;
  /** True once all others have been asked after the start, or have had their time: what this one knows is what they know. */
  settled(): boolean;
  stop(): void;
}

/** Makes the relay; `onSettled` is called when it has settled. */
export function createFigureRelay(o: {
  readonly book: FigureBook;
  readonly others: () => readonly Replica[];
  readonly ask: AskReplica;
  readonly onSettled: () => void;
  readonly clock: Clock;
  readonly log: Logger;
}): FigureRelay {
  const stopping = new AbortController();
  /** By the name of a replica, which is another after each start. */
  const places = new Map<string, number>();
  const silent = new Set<string>();
  let asking: Promise<void> | undefined;
  let timer: Timer | undefined;
  let limit: Timer | undefined;
  let settled = false;

  const settle = (): void => {
    if (settled || stopping.signal.aborted) return;
    settled = true;
    limit?.cancel();
    o.onSettled();
  };

  const askOne = async (replica: Replica): Promise<void> => {
    const { replica: name, address } = replica;
    try {
      for (let more = true; more; ) {
        const question: FigureQuestion = { relayed: true, after: places.get(name) ?? 0 };
        const answer = await o.ask(replica, figuresPath, question, askLimit, stopping.signal);
        if (!isFigureRows(answer)) throw new Error("answered with something else");
        o.book.merge(answer.rows);
        places.set(name, answer.upTo);
        more = answer.more && !stopping.signal.aborted;
      }
      silent.delete(name);
    } catch (error) {
      if (stopping.signal.aborted || silent.has(name)) return;
      silent.add(name);
      o.log.warn(
        { event: "figures.unasked", address, problem: messageOf(error) },
        `${address} does not tell its figures: ${messageOf(error)}`,
      );
    }
  };

  const askAll = async (): Promise<void> => {
    const others = o.others();
    for (const name of [...places.keys(), ...silent]) {
      if (others.some(({ replica }) => replica === name)) continue;
      places.delete(name);
      silent.delete(name);
    }
    await Promise.all(others.map(askOne));
  };

  const turn = (): void => {
    timer?.cancel();
    asking ??= askAll().finally(() => {
      asking = undefined;
      if (!stopping.signal.aborted) timer = o.clock.timeout(relayInterval, turn);
    });
  };

  return {
    start() {
      limit = o.clock.timeout(settleLimit, settle);
      turn();
    },
    replicasKnown() {
      if (settled) return;
      // A turn that is under way began before they were known.
      void (asking ?? Promise.resolve()).then(askAll).then(settle);
    },
    settled: () => settled,
    stop() {
      stopping.abort(new Error("the control plane stops"));
      timer?.cancel();
      limit?.cancel();
    },
  };
}

function isFigureRows(value: unknown): value is FigureRows {
  return typeof value === "object" && value !== null && "rows" in value && Array.isArray(value.rows) && "upTo" in value && "more" in value;
}
