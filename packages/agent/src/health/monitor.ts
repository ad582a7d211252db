/** Runs one probe again and again, never two at once, gives it up at its limit, and turns its results into a verdict. */
import type { Clock, Timer } from "@legation/runtime";
import type { HealthDocument } from "./document.js";
import { found, type Look, type Probe, type ProbeResult } from "./probe.js";
import { judge, type Outcome, type Thresholds, unknownVerdict, type Verdict } from "./verdict.js";

/** How often to look. Milliseconds. */
export interface Rhythm {
  /** From the start of one look to the start of the next. */
  readonly interval: number;
  /** The same while the level is UNKNOWN, so that a start does not take several intervals. */
  readonly startInterval: number;
  /** From the beginning to the first look at a service that has just been started. */
  readonly initialDelay: number;
  /** The share of the interval by which looks are moved at random, earlier or later: 0 to 1. */
  readonly jitter: number;
  readonly timeout: number;
}

/** One look, as kept in the history. */
export interface CheckResult {
  readonly check: string;
  readonly outcome: Outcome;
  readonly message: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly responseTimeMs: number;
}

/** The verdict with its cause, which changes only with the level: `message`, and what the application said then. */
export interface CheckVerdict extends Verdict {
  readonly message: string;
  readonly output?: string;
}

/** What a monitor knows now. */
export interface MonitorState extends CheckVerdict {
  /** The last look since `begin`, and what the application said at it. */
  readonly last?: CheckResult & { readonly output?: string };
  /** The last document that the service gave of itself since `begin`. */
  readonly document?: HealthDocument;
}

/** Options of `createMonitor`. */
export interface MonitorOptions {
  /** Of the check, unique in its service. */
  readonly name: string;
  readonly probe: Probe;
  readonly thresholds: Thresholds;
  readonly rhythm: Rhythm;
  readonly clock: Clock;
  /** From 0 to 1. */
  readonly random: () => number;
  /** Called after each look that counts. */
  readonly onResult: (result: CheckResult, state: MonitorState) => void;
}

/** A probe under way. */
export interface Monitor {
  readonly name: string;
  readonly state: MonitorState;
  /** Starts to look: at a service that has just been started, after the initial delay; at an adopted one, at once and from `verdict` on. */
  begin(verdict?: CheckVerdict): void;
  /** Stops to look, and gives up the look under way; the level is UNKNOWN from then on. */
  pause(): void;
  /** Looks now, or waits for the look under way. A look that is given up comes back as a failed one. */
  checkNow(): Promise<CheckResult>;
  close(): void;
}

/** Creates a monitor; it looks from `begin` on. */
export function createMonitor(options: MonitorOptions): Monitor {
  const { name, probe, thresholds, rhythm, clock, random, onResult } = options;
  const { target } = probe;
  let state: MonitorState = { ...unknownVerdict, message: `${target} was not checked yet` };
  /** The look that is waited for. */
  let current: { readonly done: Promise<CheckResult>; giveUp(): void } | undefined;
  /** Settles when a look that was given up holds nothing any more. */
  let held: Promise<unknown> | undefined;
  let epoch = 0;
  let timer: Timer | undefined;

  const lookWithin = (limit: number): { readonly found: Promise<ProbeResult>; giveUp(cause: string): void } => {
    let look: Look | undefined;
    let over = false;
    let resolve: (result: ProbeResult) => void = () => {};
    const result = new Promise<ProbeResult>((settle) => {
      resolve = settle;
    });
    const end = (outcome: ProbeResult): void => {
      if (over) return;
      over = true;
      cutOff.cancel();
      resolve(outcome);
    };
    const giveUp = (cause: string): void => {
      end(found(target, "fail", cause));
      look?.cancel();
    };
    const start = (): void => {
      if (over) return;
      const started = probe.look();
      look = started;
      const settled = started.result.then((outcome) => {
        if (held === settled) held = undefined;
        end(outcome);
      });
      held = settled;
    };
    const cutOff = clock.timeout(limit, () =>
      giveUp(look ? `did not answer within ${limit} ms` : "cannot be checked: the check before does not end"),
    );
    if (held) void held.then(start);
    else start();
    return { found: result, giveUp };
  };

  const lookOnce = (): Promise<CheckResult> => {
    if (current) return current.done;
    const mine = epoch;
    const at = clock.now();
    const began = clock.monotonic();
    const look = lookWithin(rhythm.timeout);
    const done = look.found.then(({ outcome, message, output, document }): CheckResult => {
      if (current === self) current = undefined;
      const result = { check: name, outcome, message, at, responseTimeMs: Math.round((clock.monotonic() - began) * 10) / 10 };
      if (mine !== epoch) return result;
      // A service that was never healthy is starting: how long it may take is the supervisor's limit, not a count of failures.
      const limits = state.level === "UNKNOWN" ? { ...thresholds, failure: Number.POSITIVE_INFINITY } : thresholds;
      const verdict = judge(state, outcome, limits);
      const cause = verdict.level === state.level ? state : { message, output };
      state = {
        ...verdict,
        message: cause.message,
        ...(cause.output === undefined ? {} : { output: cause.output }),
        last: output === undefined ? result : { ...result, output },
        ...((document ?? state.document) ? { document: document ?? state.document } : {}),
      };
      onResult(result, state);
      return result;
    });
    const self = { done, giveUp: () => look.giveUp("was given up: the service is not checked now") };
    current = self;
    return done;
  };
  const loop = (mine: number): void => {
    if (mine !== epoch) return;
    const began = clock.monotonic();
    void lookOnce().then(() => {
      if (mine !== epoch) return;
      const unknown = state.level === "UNKNOWN";
      const period = unknown ? Math.min(rhythm.startInterval, rhythm.interval) : rhythm.interval * (1 + rhythm.jitter * (2 * random() - 1));
      timer = clock.timeout(Math.max(0, period - (clock.monotonic() - began)), () => loop(mine));
    });
  };
  const halt = (): void => {
    epoch += 1;
    timer?.cancel();
    current?.giveUp();
    current = undefined;
  };

  return {
    name,
    get state() {
      return state;
    },
    begin(verdict) {
      halt();
      state = verdict ?? { ...unknownVerdict, message: `${target} was not checked yet` };
      const mine = epoch;
      if (verdict || rhythm.initialDelay === 0) loop(mine);
      else timer = clock.timeout(rhythm.initialDelay, () => loop(mine));
    },
    pause() {
      halt();
      state = { ...unknownVerdict, message: `${target} is not checked now` };
    },
    checkNow: lookOnce,
    close() {
      halt();
      probe.close();
    },
  };
}
