/** Services to be read: urgent ones first, few at a time, each again after a failure with a growing pause of its own. */
import { type Clock, createBackoff } from "@legation/runtime";

/** What the queue needs. */
export interface ReadQueueOptions {
  /** Reads one service. Whatever it throws is a reason to try again. */
  read(name: string, signal: AbortSignal): Promise<void>;
  onError(name: string, error: unknown, retryInMs: number): void;
  /** Everything is read, but for what has failed `givenUp` times and is tried again without anybody waiting for it. */
  onIdle(): void;
  readonly clock: Clock;
  readonly concurrency: number;
  readonly random?: () => number;
}

/** The queue. It starts paused. */
export interface ReadQueue {
  /** Wants a service read from now on; a reading that is under way does not count. */
  want(name: string, urgent: boolean): void;
  /** True when a reading of the service will begin that sees everything up to now; one that is under way may not. */
  wants(name: string): boolean;
  /** Starts no further reading; those under way are aborted and wanted again. */
  pause(): void;
  resume(): void;
  /** Services that wait, are being read, or wait for another attempt. */
  readonly size: number;
  stop(): void;
}

/** The pauses between attempts at one service; milliseconds. */
const retry = { base: 50, max: 10_000 } as const;

/** Attempts after which a service no longer keeps the queue from being idle. */
const givenUp = 4;

/** Makes an empty queue. */
export function createReadQueue(o: ReadQueueOptions): ReadQueue {
  const urgent = new Set<string>();
  const normal = new Set<string>();
  const running = new Map<string, AbortController>();
  const retries = new Map<string, { backoff: ReturnType<typeof createBackoff>; timer?: { cancel(): void } }>();
  let paused = true;

  function want(name: string, isUrgent: boolean): void {
    retries.get(name)?.timer?.cancel();
    if (isUrgent) normal.delete(name);
    if (isUrgent || !urgent.has(name)) (isUrgent ? urgent : normal).add(name);
    fill();
  }

  function fill(): void {
    for (const waiting of [urgent, normal])
      for (const name of waiting) {
        if (paused || running.size >= o.concurrency) return;
        if (running.has(name)) continue;
        waiting.delete(name);
        void run(name);
      }
  }

  async function run(name: string): Promise<void> {
    const abort = new AbortController();
    running.set(name, abort);
    try {
      await o.read(name, abort.signal);
      retries.delete(name);
    } catch (error) {
      if (abort.signal.aborted) urgent.add(name);
      else tryAgain(name, error);
    }
    running.delete(name);
    fill();
    tellIdle();
  }

  function tellIdle(): void {
    const waitedFor = [...retries.values()].some(({ backoff }) => backoff.attempts < givenUp);
    if (!paused && !waitedFor && urgent.size + normal.size + running.size === 0) o.onIdle();
  }

  function tryAgain(name: string, error: unknown): void {
    const entry = retries.get(name) ?? { backoff: createBackoff({ ...retry, ...(o.random ? { random: o.random } : {}) }) };
    const pause = entry.backoff.next();
    retries.set(name, {
      backoff: entry.backoff,
      timer: o.clock.timeout(pause, () => want(name, true)),
    });
    o.onError(name, error, pause);
  }

  const size = () => new Set([...urgent, ...normal, ...running.keys(), ...retries.keys()]).size;
  const pause = () => {
    paused = true;
    for (const abort of running.values()) abort.abort(new Error("paused"));
  };

  return {
    want,
    wants: (name) => urgent.has(name) || normal.has(name) || (retries.has(name) && !running.has(name)),
    pause,
    resume() {
      paused = false;
      fill();
      tellIdle();
    },
    get size() {
      return size();
    },
    stop() {
      pause();
      urgent.clear();
      normal.clear();
      for (const { timer } of retries.values()) timer?.cancel();
      retries.clear();
    },
  };
}
