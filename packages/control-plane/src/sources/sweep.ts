/**
 * Finds the services that changed when Consul says only that one did: asks each for its index with an answer that holds no rows.
 * A sweep of 2,000 services costs Consul about 100 ms and 4 KB, a third of reading them and a four-thousandth of the bytes.
 */
import { type Clock, createBackoff } from "@legation/runtime";

/** What a sweep needs. */
export interface SweepOptions {
  /** All services to ask. */
  names(): Iterable<string>;
  /** The few that changed last, the newest first: what changes once changes again, so these are asked first, at each wake. */
  hot(): Iterable<string>;
  /** Asks one service for its index and acts on it. */
  probe(name: string, signal: AbortSignal): Promise<void>;
  /** A sweep broke off; it starts over after that time. */
  onError(error: unknown, retryInMs: number): void;
  readonly clock: Clock;
  readonly concurrency: number;
  /** A sweep happens after this time in any case; milliseconds. */
  readonly every: number;
  readonly random?: () => number;
}

/** The sweeper. It starts paused. */
export interface Sweep {
  /** Something changed: the hot services are asked at once, and all of them in a sweep that starts after now. */
  wake(): void;
  /** Breaks off. `resume` starts a sweep. */
  pause(): void;
  resume(): void;
}

/** How long a wake waits for others like it; milliseconds. */
const settle = 5;

/** After a sweep the next one waits this many times as long as it took, so that a busy catalog costs Consul a bounded share. */
const rest = 1;

/** Makes a sweeper. */
export function createSweep(o: SweepOptions): Sweep {
  const { clock } = o;
  const backoff = createBackoff({ base: 100, max: 10_000, ...(o.random ? { random: o.random } : {}) });
  /** To be asked, the next one last. */
  let todo: string[] = [];
  let workers = 0;
  let abort = new AbortController();
  let timer: { cancel(): void } | undefined;
  let due = Number.POSITIVE_INFINITY;
  let notBefore = 0;
  /** When the sweep that runs has started; undefined between sweeps. */
  let started: number | undefined;
  let again = false;
  let paused = true;

  function plan(inMs: number): void {
    const at = Math.max(clock.monotonic() + inMs, notBefore);
    if (paused || at >= due) return;
    timer?.cancel();
    due = at;
    timer = clock.timeout(at - clock.monotonic(), sweep);
  }

  function sweep(): void {
    due = Number.POSITIVE_INFINITY;
    started = clock.monotonic();
    again = false;
    todo = [...o.names()].reverse().concat(todo);
    work();
    if (workers === 0) ended();
  }

  function work(): void {
    while (workers < o.concurrency && todo.length > 0) void worker(abort);
  }

  async function worker(mine: AbortController): Promise<void> {
    workers++;
    try {
      for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
        await o.probe(name, mine.signal);
        if (mine !== abort) return;
      }
    } catch (error) {
      if (mine === abort) failed(error);
      return;
    } finally {
      if (mine === abort) workers--;
    }
    if (workers === 0) ended();
  }

  function ended(): void {
    if (started === undefined) return;
    backoff.reset();
    notBefore = clock.monotonic() + rest * (clock.monotonic() - started);
    started = undefined;
    plan(again ? settle : o.every);
  }

  function failed(error: unknown): void {
    const inMs = backoff.next();
    drop();
    notBefore = clock.monotonic() + inMs;
    plan(inMs);
    o.onError(error, inMs);
  }

  /** Forgets what runs: its workers belong to another controller from now on. */
  function drop(): void {
    abort.abort(new Error("the sweep was broken off"));
    abort = new AbortController();
    workers = 0;
    todo = [];
    started = undefined;
    timer?.cancel();
    due = Number.POSITIVE_INFINITY;
  }

  return {
    wake() {
      if (paused) return;
      const hot = [...o.hot()].reverse();
      const first = new Set(hot);
      todo = todo.filter((name) => !first.has(name)).concat(hot);
      if (started === undefined) plan(settle);
      else again = true;
      work();
    },
    pause() {
      paused = true;
      drop();
    },
    resume() {
      paused = false;
      notBefore = 0;
      plan(0);
    },
  };
}
