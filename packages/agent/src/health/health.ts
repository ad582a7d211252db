/** The health of one service: all its checks together, what they found lately, and how much of the time it was up. */
import type { Clock, Logger, Timer } from "@legation/runtime";
import type { Check } from "./check.js";
import { type CheckResult, type CheckVerdict, createMonitor, type Monitor, type MonitorState } from "./monitor.js";
import type { Probe } from "./probe.js";
import type { RecordFile } from "./record.js";
import { createUptime, type Uptimes } from "./uptime.js";
import { type HealthLevel, isUp, worst } from "./verdict.js";

/** See the file's sentence. */
export interface Health {
  /** The worst level of all checks. */
  readonly level: HealthLevel;
  /** The cause of the level: the message of the worst check. */
  readonly message: string;
  /** By the name of the check. */
  readonly checks: Readonly<Record<string, MonitorState>>;
  /** The last 100 looks of all checks, those of the agent before among them; oldest first. */
  readonly history: readonly CheckResult[];
  /** How much of the last hour, day and week the service was up, as far as an agent watched. */
  readonly uptime: Uptimes;
  /** Starts to look: at a service that has just been started (UNKNOWN), or that was healthy when the agent before left it. */
  begin(assume: "UNKNOWN" | "HEALTHY"): void;
  /** Stops to look: there is nothing to look at. */
  pause(): void;
  /** Looks now with every check; a result for each. */
  checkNow(): Promise<readonly CheckResult[]>;
  /** Looks with other checks from now on. A check of a name that was there before keeps its verdict, a new one begins with that of the service. */
  change(checks: readonly Check[], probeOf: (check: Check) => Probe): void;
  close(): void;
}

/** Options of `createHealth`. */
export interface HealthOptions {
  readonly checks: readonly Check[];
  /** Creates the probe of a check. */
  readonly probeOf: (check: Check) => Probe;
  readonly record: RecordFile;
  readonly clock: Clock;
  /** From 0 to 1; `Math.random` unless given. */
  readonly random?: () => number;
  readonly log: Logger;
  /** Called after each look; `changed` when the level of its check is another one now. */
  readonly onResult: (result: CheckResult, changed: boolean) => void;
}

const historyLength = 100;
/** How often the record is written while nothing changes, and the least time between two writings; milliseconds. */
const recordEvery = 300_000;
const recordGap = 10_000;

/** Creates the checks; nothing is looked at before `begin`. Throws what `probeOf` throws. */
export function createHealth(options: HealthOptions): Health {
  const { clock, random = Math.random, log, onResult } = options;
  const kept = options.record.read((why) =>
    log.warn({ event: "health.record-lost", why }, `the health record of the agent before cannot be used, uptime begins anew: ${why}`),
  );
  const history: CheckResult[] = [...kept.history];
  const uptime = createUptime(clock, kept.uptime);
  let level: HealthLevel = "UNKNOWN";
  const levels = new Map<string, HealthLevel>();
  // The first start of an agent's life counts neither as up nor as down; whatever comes after it does.
  let settled = false;
  let recordTimer: Timer | undefined;
  let recordedAt = Number.NEGATIVE_INFINITY;
  let unwritten = false;

  const monitorOf = (check: Check, probe: Probe): Monitor =>
    createMonitor({
      name: check.name,
      probe,
      thresholds: { failure: check.failureThreshold, recovery: check.recoveryThreshold },
      rhythm: check,
      clock,
      random,
      onResult: (result, state) => {
        if (result.outcome === "fail") log.debug({ event: "service.check-failed", ...result }, result.message);
        history.push(result);
        if (history.length > historyLength) history.shift();
        const changed = state.level !== levels.get(check.name);
        if (changed) tell(check.name, state);
        if (changed) relevel();
        onResult(result, changed);
      },
    });
  let monitors = options.checks.map((check) => monitorOf(check, options.probeOf(check)));
  let looking = false;

  const tell = (check: string, { level: now, message, output }: MonitorState): void => {
    const from = levels.get(check) ?? "UNKNOWN";
    const event = { event: "service.health", check, from, to: now, cause: message, ...(output === undefined ? {} : { output }) };
    log[now === "HEALTHY" ? "info" : "warn"](event, `check ${check}: ${from} → ${now}: ${message}`);
  };
  const relevel = (): void => {
    for (const { name, state } of monitors) levels.set(name, state.level);
    const next = worst([...levels.values()]);
    settled ||= next !== "UNKNOWN";
    uptime.note(isUp(next) ? "up" : settled ? "down" : "idle");
    if (next === level) return;
    level = next;
    schedule(Math.max(0, recordedAt + recordGap - clock.monotonic()));
  };

  const record = (): void => {
    recordedAt = clock.monotonic();
    try {
      const verdicts = monitors.filter(({ state }) => isUp(state.level)).map(({ name, state }) => [name, verdictOf(state)] as const);
      options.record.write({ uptime: uptime.record, history, verdicts: Object.fromEntries(verdicts) });
      unwritten = false;
    } catch (error) {
      const why = (error as Error).message;
      if (!unwritten) log.warn({ event: "health.record-unwritten", why }, `the health record cannot be written: ${why}`);
      unwritten = true;
    }
  };
  const schedule = (wait: number): void => {
    recordTimer?.cancel();
    recordTimer = clock.timeout(wait, () => {
      record();
      schedule(recordEvery);
    });
  };

  return {
    get level() {
      return level;
    },
    get message() {
      const state = monitors.find((monitor) => monitor.state.level === level)?.state;
      return state?.last?.outcome === "fail" ? state.last.message : (state?.message ?? "there is no check");
    },
    get checks() {
      return Object.fromEntries(monitors.map((monitor) => [monitor.name, monitor.state]));
    },
    history,
    get uptime() {
      return uptime.windows;
    },
    begin(assume) {
      looking = true;
      for (const monitor of monitors) monitor.begin(assume === "HEALTHY" ? (kept.verdicts[monitor.name] ?? healthyBefore) : undefined);
      relevel();
      schedule(recordEvery);
    },
    pause() {
      looking = false;
      settled ||= recordTimer !== undefined;
      for (const monitor of monitors) monitor.pause();
      relevel();
    },
    change(checks, probeOf) {
      const next = checks.map((check) => monitorOf(check, probeOf(check)));
      const before = new Map(monitors.map(({ name, state }) => [name, state] as const));
      for (const monitor of monitors) monitor.close();
      monitors = next;
      levels.clear();
      for (const monitor of looking ? next : []) {
        const state = before.get(monitor.name);
        if (state) monitor.begin(isUp(state.level) ? verdictOf(state) : undefined);
        else monitor.begin(isUp(level) ? healthyBefore : undefined);
      }
      relevel();
    },
    checkNow: () => Promise.all(monitors.map((monitor) => monitor.checkNow())),
    close() {
      const begun = recordTimer !== undefined;
      recordTimer?.cancel();
      if (begun) record();
      uptime.note("idle");
      for (const monitor of monitors) monitor.close();
    },
  };
}

const healthyBefore: CheckVerdict = { level: "HEALTHY", failures: 0, successes: 0, message: "passed when the agent before looked at it" };

function verdictOf({ level, failures, successes, message, output }: MonitorState): CheckVerdict {
  return { level, failures, successes, message, ...(output === undefined ? {} : { output }) };
}
