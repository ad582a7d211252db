/** A blocking query without end, by the rules of Consul's documentation ("Blocking Queries": implementation details). */
import type { Clock } from "@legation/runtime";
import type { Answer, Consul, QueryParameters } from "./consul.js";

/** What is watched. */
export interface Watched {
  /** Below `/v1`. */
  readonly path: string;
  readonly query?: QueryParameters;
  readonly filter?: string;
  readonly stale?: boolean;
  /** What Consul does not have (404) is a value: undefined. */
  readonly missing?: boolean;
  /** How long one query waits at most; the actual time is up to a tenth shorter, by chance. Default 60 s. */
  readonly waitMs?: number;
}

/** Who watches. */
export interface Watcher<T> {
  /**
   * The first value, the first one after an error, and then each one whose index is another or is missing (0). The next query starts
   * when it has resolved; when it throws, the same happens as when the query fails. An index that went back is delivered like any other, with `answer.index` below the last one's.
   */
  onValue(data: T, index: number, answer: Answer<T>): void | Promise<void>;
  /** After each answer, changed or not: the watch lives. Called before `onValue`. */
  onAnswer?(answer: Answer<T>): void;
  /** The query failed; the next one comes after that time. Watching never ends by itself. */
  onError(error: unknown, retryInMs: number): void;
  /** Ends the watch at once; nothing is called afterwards. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Least time from the start of the query that brought this answer to the start of the next; bounds what a busy table costs. Default 0. */
  pace?(answer: Answer<T>): number;
  /** Reset by each answer. */
  readonly backoff: { next(): number; reset(): void };
  readonly random?: () => number;
}

/** An unchanged answer, or one without an index, that comes sooner than this: something before Consul ignores the index. Milliseconds. */
const tooSoon = 500;

/** A watch that runs. */
export interface Watch {
  /**
   * Forgets the index and asks anew without blocking, at once, whatever it is waiting for: there is reason to believe that Consul's
   * indexes are not what they were. The answer is delivered like a first value.
   */
  restart(): void;
}

/** Starts watching; the first query is sent before this returns. */
export function watch<T>(consul: Pick<Consul, "get">, watched: Watched, watcher: Watcher<T>): Watch {
  const { signal, clock, backoff, random = Math.random } = watcher;
  const { path, query, filter, stale, missing, waitMs = 60_000 } = watched;
  let index = 0;
  let delivered: number | undefined;
  /** Ends with each restart; what it began does not count any more. */
  let life = new AbortController();

  function startOver(): void {
    index = 0;
    delivered = undefined;
  }

  /** Asks once, and returns how long to pause. */
  async function ask(mine: AbortSignal): Promise<number> {
    const started = clock.monotonic();
    const blocked = index > 0;
    const answer = await consul.get<T>(path, {
      ...(query ? { query } : {}),
      ...(filter ? { filter } : {}),
      ...(stale ? { stale } : {}),
      ...(missing ? { missing } : {}),
      index,
      waitMs: Math.round(waitMs * (1 - random() / 10)),
      signal: mine,
    });
    if (mine.aborted) return 0;
    watcher.onAnswer?.(answer);
    backoff.reset();
    // An index of 0 says nothing: something before Consul has taken it away, and each answer may be a change.
    const changed = answer.index === 0 || answer.index !== delivered;
    if (changed) await watcher.onValue(answer.data, answer.index, answer);
    if (mine.aborted) return 0;
    delivered = answer.index;
    // An index that goes back starts over with a query that does not block; one that is not above 0 would never block.
    index = answer.index < index ? 0 : Math.max(1, answer.index);
    const took = clock.monotonic() - started;
    const idle = answer.index === 0 || (blocked && !changed);
    return idle && took < tooSoon ? tooSoon : Math.max(0, (watcher.pace?.(answer) ?? 0) - took);
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      const mine = life.signal;
      let pause = 0;
      try {
        pause = await ask(mine);
      } catch (error) {
        if (mine.aborted) continue;
        // A Consul that came back with less data would block on the old index until the wait ends.
        startOver();
        pause = backoff.next();
        watcher.onError(error, pause);
      }
      if (pause > 0 && !mine.aborted) await clock.sleep(pause, mine).catch(() => undefined);
    }
  }

  signal.addEventListener("abort", () => life.abort(signal.reason), { once: true });
  void run();
  return {
    restart() {
      if (signal.aborted) return;
      startOver();
      const ended = life;
      life = new AbortController();
      ended.abort(new Error("the watch starts over"));
    },
  };
}
