/** How this instance answers, from the counts of its Envoy: smoothed, and told in few classes that change rarely. */
import { loadScale, type ReportedLoad } from "@legation/contract";

/** Counts of one Envoy since its start. */
export interface LoadCounts {
  /** Requests that have ended, and those of them that failed by the service's fault: 5xx, no answer, gRPC's own statuses of that kind. */
  readonly requests: number;
  readonly errors: number;
  /** Requests whose response time was measured, and the sum of these times in milliseconds. */
  readonly timed: number;
  readonly timeMs: number;
}

/** How figures become classes. */
export const loadSmoothing = {
  /** After so long half of a figure is of what was measured since; milliseconds. */
  halfLife: 7_500,
  /** Requests of one look from which on it counts in full. */
  fullTrust: 2,
  /** The most by which one look can be slower than the figure before it: a single request of half a minute is no slow instance. */
  jump: 4,
  /** Requests without which nothing is said at first: the first ones of a fresh process are slow. */
  warmUp: 20,
  /** With fewer than `few` requests in this many milliseconds the figures are believed less, with more than `many` again more. */
  idleAfter: 30_000,
  few: 3,
  many: 12,
  /** How far beyond the middle between two classes a figure has to be to change its class; 0.5 would be no hysteresis. */
  hysteresis: 0.75,
} as const;

/** What was measured so far. Immutable; `nextLoad` makes the next. */
export interface Load {
  readonly counts?: LoadCounts;
  readonly seen: number;
  /** Smoothed. */
  readonly latencyMs?: number;
  readonly errorRate?: number;
  /** Of the present stretch of `idleAfter`. */
  readonly stretch: { readonly ms: number; readonly requests: number };
  /** What is told; undefined while there is nothing to tell. */
  readonly told?: ReportedLoad;
}

/** Before the first look. */
export const noLoad: Load = { seen: 0, stretch: { ms: 0, requests: 0 } };

/** A look `ms` after the last one. Counts that are smaller than those before are of another Envoy, and only begin anew. */
export function nextLoad(before: Load, counts: LoadCounts, ms: number): Load {
  const from = before.counts;
  if (!from || counts.requests < from.requests || counts.errors < from.errors || counts.timed < from.timed || counts.timeMs < from.timeMs)
    return { ...before, counts };
  const requests = counts.requests - from.requests;
  const timed = counts.timed - from.timed;
  const seen = before.seen + requests;
  const latencyMs = timed === 0 ? before.latencyMs : smoothed(before.latencyMs, (counts.timeMs - from.timeMs) / timed, timed, ms, jumping);
  const errorRate = requests === 0 ? before.errorRate : smoothed(before.errorRate, (counts.errors - from.errors) / requests, requests, ms);
  const stretch = { ms: before.stretch.ms + ms, requests: before.stretch.requests + requests };
  const over = stretch.ms >= loadSmoothing.idleAfter;
  const idle = over ? idleAfter(before.told?.idle ?? 0, stretch.requests) : (before.told?.idle ?? 0);
  const next = { counts, ...(latencyMs === undefined ? {} : { latencyMs }), ...(errorRate === undefined ? {} : { errorRate }) };
  // Who has been asked nothing for so long is as good as new.
  if (idle > loadScale.idle) return { ...noLoad, counts };
  const fresh = { ...next, seen, stretch: over ? noLoad.stretch : stretch };
  if (seen < loadSmoothing.warmUp) return fresh;
  const told = {
    latency: classOf(latencyStep(latencyMs ?? 0), before.told?.latency),
    errors: classOf(errorStep(errorRate ?? 0), before.told?.errors),
    idle,
  };
  return { ...fresh, told };
}

function idleAfter(idle: number, requests: number): number {
  if (requests < loadSmoothing.few) return idle + 1;
  return requests > loadSmoothing.many ? Math.max(0, idle - 1) : idle;
}

function smoothed(before: number | undefined, now: number, requests: number, ms: number, bound = (_: number, value: number) => value) {
  if (before === undefined) return now;
  const trust = Math.min(1, requests / loadSmoothing.fullTrust);
  const kept = 0.5 ** ((ms / loadSmoothing.halfLife) * trust);
  return kept * before + (1 - kept) * bound(before, now);
}

function jumping(before: number, now: number): number {
  return Math.min(now, loadSmoothing.jump * Math.max(before, loadScale.fastest));
}

/** A latency on the scale of the classes, between two of them. */
function latencyStep(ms: number): number {
  return Math.min(loadScale.latency, 2 * Math.log2(Math.max(1, ms / loadScale.fastest)));
}

/** An error rate on the scale of the classes: the number of borders below it, and how far it is to the next. */
function errorStep(rate: number): number {
  const borders = [0, ...loadScale.errorRates, 2 * (loadScale.errorRates.at(-1) ?? 1)];
  const below = loadScale.errorRates.filter((border) => rate >= border).length;
  const [from = 0, to = 1] = [borders[below], borders[below + 1]];
  // A class is its middle: borders lie between two of them.
  return Math.min(loadScale.errorRates.length, below - 0.5 + (rate - from) / (to - from));
}

/** The nearest class, or the one before as long as the figure is not clearly beyond it. */
function classOf(step: number, before: number | undefined): number {
  const nearest = Math.max(0, Math.round(step));
  return before === undefined || Math.abs(step - before) >= loadSmoothing.hysteresis ? nearest : before;
}
