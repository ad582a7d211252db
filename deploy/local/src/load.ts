/** The load generator: requests leave on a schedule that no slow answer holds up, and each is timed from when it was due. */
import { type Clock, systemClock } from "@legation/runtime";
import { type LoadReport, type Outcome, Tally } from "./tally.js";

/** Sends one request. Resolves with its outcome within a limit of its own; never rejects. */
export interface Sender {
  send(): Promise<Outcome>;
  close(): void;
}

/** What load to make. */
export interface LoadOptions {
  readonly sender: Sender;
  /** Requests a second. */
  readonly rate: number;
  /** Most requests without an answer at once, 2,000 by default. One that is due beyond that fails as "too many requests in flight". */
  readonly maxInFlight?: number;
  readonly clock?: Clock;
}

/** A stretch of load that is counted by itself. */
export interface Stretch {
  /** The figures so far. */
  report(): LoadReport;
  /** Counts no request that becomes due from now on, waits for the ones that were, and resolves with the final figures. */
  end(): Promise<LoadReport>;
}

/** Running load. */
export interface Load {
  /** Starts a stretch that counts the requests which become due from now on. Stretches may overlap. */
  stretch(): Stretch;
  /** Everything since the start. */
  report(): LoadReport;
  /** Sends no more, waits for the answers, and resolves with the figures of everything. May be called again. */
  stop(): Promise<LoadReport>;
}

const tickMs = 2;

/**
 * Starts load at a constant rate: request n is due n/rate seconds after the start, whatever became of those before it. When the
 * process itself was late, the requests are sent at once, and the lateness counts in their latency: nothing is left out.
 */
export function startLoad({ sender, rate, maxInFlight = 2_000, clock = systemClock }: LoadOptions): Load {
  const start = clock.monotonic();
  const startedAt = clock.now();
  const all = new Tally(start);
  const tallies = new Set([all]);
  let inFlight = 0;
  let sent = 0;
  let stoppedAt: number | undefined;
  let next = clock.timeout(0, tick);

  function tick(): void {
    if (stoppedAt !== undefined) return;
    const due = Math.floor(((clock.monotonic() - start) * rate) / 1000) + 1;
    while (sent < due) request((sent++ * 1000) / rate);
    next = clock.timeout(Math.max(tickMs, (sent * 1000) / rate - (clock.monotonic() - start)), tick);
  }

  function request(dueMs: number): void {
    const counting = [...tallies];
    for (const tally of counting) tally.expect();
    const done = (outcome: Outcome) => {
      const afterMs = clock.monotonic() - start - dueMs;
      for (const tally of counting) tally.record(outcome, startedAt + dueMs, afterMs);
    };
    if (inFlight >= maxInFlight) {
      done({ ok: false, reason: "too many requests in flight" });
      return;
    }
    inFlight++;
    void sender
      .send()
      .catch((error: unknown): Outcome => ({ ok: false, reason: `the sender failed: ${error}` }))
      .then((outcome) => {
        inFlight--;
        done(outcome);
      });
  }

  async function end(tally: Tally, endedAt = clock.monotonic()): Promise<LoadReport> {
    tallies.delete(tally);
    await tally.settled();
    return tally.report(endedAt);
  }

  return {
    stretch() {
      const tally = new Tally(clock.monotonic());
      tallies.add(tally);
      return { report: () => tally.report(clock.monotonic()), end: () => end(tally) };
    },
    report: () => all.report(clock.monotonic()),
    async stop() {
      stoppedAt ??= clock.monotonic();
      next.cancel();
      const report = await end(all, stoppedAt);
      sender.close();
      return report;
    },
  };
}
