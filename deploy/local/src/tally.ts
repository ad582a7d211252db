/** What became of the requests of one stretch of time. */
import { LatencyHistogram, type LatencySummary } from "./latency.js";

/** How one request ended. */
export type Outcome =
  | { readonly ok: true; readonly answeredBy: readonly string[] }
  | { readonly ok: false; readonly reason: string; readonly answeredBy?: readonly string[] };

/** A request that failed. */
export interface Failure {
  /** Milliseconds since the epoch, when it was due. */
  readonly at: number;
  readonly afterMs: number;
  readonly reason: string;
  readonly answeredBy: readonly string[];
}

/** The figures of a stretch. Every request is counted by the moment when it was due. */
export interface LoadReport {
  readonly due: number;
  readonly succeeded: number;
  readonly failed: number;
  /** Requests without an answer yet; 0 in a final report. */
  readonly pending: number;
  readonly durationMs: number;
  /** Successes per instance that took part. */
  readonly byInstance: Readonly<Record<string, number>>;
  readonly failuresByReason: Readonly<Record<string, number>>;
  /** The first thousand failures. */
  readonly failures: readonly Failure[];
  /** Of the successes, from the moment when each was due. */
  readonly latency: LatencySummary;
}

const keptFailures = 1_000;

/** Counts outcomes. */
export class Tally {
  readonly #startedAt: number;
  readonly #byInstance = new Map<string, number>();
  readonly #byReason = new Map<string, number>();
  readonly #failures: Failure[] = [];
  readonly #latency = new LatencyHistogram();
  #due = 0;
  #succeeded = 0;
  #failed = 0;
  readonly #waiting: (() => void)[] = [];

  /** `startedAt`: monotonic milliseconds. */
  constructor(startedAt: number) {
    this.#startedAt = startedAt;
  }

  /** A request is due now. */
  expect(): void {
    this.#due++;
  }

  /** One of the expected requests ended. `at`: since the epoch, when it was due; `afterMs`: from then to its end. */
  record(outcome: Outcome, at: number, afterMs: number): void {
    if (outcome.ok) {
      this.#succeeded++;
      this.#latency.add(afterMs);
      for (const name of outcome.answeredBy) this.#byInstance.set(name, (this.#byInstance.get(name) ?? 0) + 1);
    } else {
      this.#failed++;
      this.#byReason.set(outcome.reason, (this.#byReason.get(outcome.reason) ?? 0) + 1);
      if (this.#failures.length < keptFailures)
        this.#failures.push({ at, afterMs, reason: outcome.reason, answeredBy: outcome.answeredBy ?? [] });
    }
    if (this.#succeeded + this.#failed === this.#due) for (const settled of this.#waiting.splice(0)) settled();
  }

  /** Resolves when every expected request has ended; to be called once no more are expected. */
  async settled(): Promise<void> {
    if (this.#succeeded + this.#failed < this.#due) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** `now`: monotonic milliseconds. */
  report(now: number): LoadReport {
    return {
      due: this.#due,
      succeeded: this.#succeeded,
      failed: this.#failed,
      pending: this.#due - this.#succeeded - this.#failed,
      durationMs: now - this.#startedAt,
      byInstance: Object.fromEntries([...this.#byInstance].sort(([a], [b]) => a.localeCompare(b))),
      failuresByReason: Object.fromEntries(this.#byReason),
      failures: [...this.#failures],
      latency: this.#latency.summary(),
    };
  }
}
