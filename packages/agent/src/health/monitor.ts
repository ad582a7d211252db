/** Runs one probe again and again, never two at once, and turns its results into a verdict. */
import type { Clock } from "@legation/runtime";
import type { Probe } from "./probe.js";
import { judge, type Thresholds, unknownVerdict, type Verdict } from "./verdict.js";

/** How often to look. Milliseconds. */
export interface Rhythm {
  /** From the start of one look to the start of the next. */
  readonly interval: number;
  /** The same while the level is UNKNOWN, so that a start does not take several intervals. */
  readonly startInterval: number;
  readonly timeout: number;
}

/** One look, as kept in the history. */
export interface CheckResult {
  readonly check: string;
  readonly ok: boolean;
  readonly message: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly responseTimeMs: number;
}

/** What a monitor knows now. `message` is the cause of the present level and changes only with it. */
export interface MonitorState extends Verdict {
  readonly message: string;
  /** The last look since `begin`. */
  readonly last?: CheckResult;
}

/** Options of `createMonitor`. */
export interface MonitorOptions {
  readonly probe: Probe;
  readonly thresholds: Thresholds;
  readonly rhythm: Rhythm;
  readonly clock: Clock;
  /** Called after each look. */
  readonly onResult: (result: CheckResult, state: MonitorState) => void;
}

/** A probe under way. */
export interface Monitor {
  readonly kind: string;
  readonly state: MonitorState;
  /** Starts to look, at once. `assume` is the level to begin with: UNKNOWN, or HEALTHY for an adopted service. */
  begin(assume: "UNKNOWN" | "HEALTHY"): void;
  /** Stops to look; the level is UNKNOWN from then on. */
  pause(): void;
  /** Looks now, or waits for the look under way. */
  checkNow(): Promise<CheckResult>;
  close(): void;
}

/** Creates a monitor; it looks from `begin` on. */
export function createMonitor(options: MonitorOptions): Monitor {
  const { probe, thresholds, rhythm, clock, onResult } = options;
  let state: MonitorState = { ...unknownVerdict, message: `${probe.target} was not checked yet` };
  let look: Promise<CheckResult> | undefined;
  let epoch = 0;
  let timer: { cancel(): void } | undefined;

  const run = async (): Promise<CheckResult> => {
    const mine = epoch;
    const at = clock.now();
    const began = clock.monotonic();
    const { ok, message } = await probe.run(rhythm.timeout);
    const result = { check: probe.kind, ok, message, at, responseTimeMs: Math.round((clock.monotonic() - began) * 10) / 10 };
    if (mine === epoch) {
      // A service that was never healthy is starting: how long it may take is the supervisor's limit, not a count of failures.
      const limits = state.level === "UNKNOWN" ? { ...thresholds, failure: Number.POSITIVE_INFINITY } : thresholds;
      const verdict = judge(state, ok, limits);
      state = { ...verdict, message: verdict.level === state.level ? state.message : message, last: result };
      onResult(result, state);
    }
    return result;
  };
  const lookOnce = (): Promise<CheckResult> => {
    look ??= run().finally(() => {
      look = undefined;
    });
    return look;
  };
  const loop = (mine: number): void => {
    if (mine !== epoch) return;
    const began = clock.monotonic();
    void lookOnce().then(() => {
      if (mine !== epoch) return;
      const period = state.level === "UNKNOWN" ? Math.min(rhythm.startInterval, rhythm.interval) : rhythm.interval;
      timer = clock.timeout(Math.max(0, period - (clock.monotonic() - began)), () => loop(mine));
    });
  };
  const halt = (): void => {
    epoch += 1;
    timer?.cancel();
  };

  return {
    kind: probe.kind,
    get state() {
      return state;
    },
    begin(assume) {
      halt();
      state = {
        ...unknownVerdict,
        level: assume,
        message: assume === "HEALTHY" ? `${probe.target} passes` : `${probe.target} was not checked yet`,
      };
      loop(epoch);
    },
    pause() {
      halt();
      state = { ...unknownVerdict, message: `${probe.target} is not checked now` };
    },
    checkNow: lookOnce,
    close() {
      halt();
      probe.close();
    },
  };
}
