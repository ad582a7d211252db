/** What the proof has measured, and whether it holds. */
import type { Departure } from "./departure.js";
import { type Figures, kinds, repeatable } from "./load/load.js";
import type { Kill, LongRequest } from "./scene.js";

/** All restarts with one fault. */
export interface FaultResult {
  readonly name: string;
  readonly title: string;
  readonly step: string;
  /** Of single instances. */
  readonly restarts: number;
  /** Due while they were restarted. */
  readonly requests: number;
  readonly failed: number;
  /** What was seen at the last one. */
  readonly notes: readonly string[];
  readonly departures: readonly Departure[];
  /** Requests that were sent to outlive the drain limit. */
  readonly long: readonly LongRequest[];
  readonly kills: readonly Kill[];
}

/** Everything. */
export interface Result {
  readonly figures: Figures;
  readonly faults: readonly FaultResult[];
  /** What did not do what it should, beside requests. */
  readonly problems: readonly string[];
  readonly ms: number;
}

/** Totals over all kinds of load. */
export interface Totals {
  readonly requests: number;
  /** Without those that were in flight at a kill. */
  readonly failed: number;
  /** Streams that did not end in order, without those that were open at a kill. */
  readonly brokenStreams: number;
  /** Requests and streams that no proxy may repeat, in flight when an Envoy or a service was killed. */
  readonly inFlight: number;
  /** Of the requests that outlived the drain limit. */
  readonly long: number;
  readonly cut: number;
}

/** Sums up. */
export function totals({ figures, faults }: Result): Totals {
  const reports = kinds.map((kind) => figures.byKind[kind]);
  const long = faults.flatMap((fault) => fault.long);
  const kills = faults.flatMap((fault) => fault.kills).filter(({ part }) => part !== "agent");
  const requests = kinds
    .filter((kind) => !repeatable.has(kind))
    .flatMap((kind) => figures.byKind[kind].failures)
    .filter(({ at, afterMs }) => wasInFlight(at, at + afterMs, kills)).length;
  const streams = figures.streams.broken.filter(({ openedAt, endedAt }) => wasInFlight(openedAt, endedAt, kills)).length;
  return {
    requests: reports.reduce((sum, { due }) => sum + due, 0),
    failed: reports.reduce((sum, { failed }) => sum + failed, 0) - requests,
    brokenStreams: figures.streams.opened - figures.streams.ok - streams,
    inFlight: requests + streams,
    long: long.length,
    cut: long.filter(({ cut }) => cut).length,
  };
}

/** Milliseconds between what two processes call the same moment. */
const tolerance = 50;

/** True when something was under way from `begin` to `end` at the moment of a kill, and its end was that kill's. Since the epoch. */
export function wasInFlight(begin: number, end: number, all: readonly Kill[]): boolean {
  return all.some(({ at }) => begin <= at + tolerance && at <= end + tolerance && end <= at + noticed);
}

/** Milliseconds within which a caller learns that the other side is gone. */
const noticed = 1_000;

/** True when no request failed, every stream ended in order, and every part did what it should. */
export function holds(result: Result): boolean {
  const { requests, failed, brokenStreams } = totals(result);
  return requests > 0 && failed === 0 && brokenStreams === 0 && result.problems.length === 0;
}

/** The time of one step over many departures; milliseconds. */
export interface StepTime {
  readonly step: string;
  readonly count: number;
  readonly p50: number;
  readonly max: number;
}

/** Times by step, in the order of the steps, and the whole stop as "all". */
export function stepTimes(departures: readonly Departure[]): StepTime[] {
  const times = new Map<string, number[]>();
  const add = (step: string, ms: number) => times.set(step, [...(times.get(step) ?? []), ms]);
  for (const { steps, ms } of departures) {
    for (const one of steps) add(one.step, one.ms);
    add("all", ms);
  }
  return [...times]
    .map(([step, all]) => {
      const sorted = all.sort((a, b) => a - b);
      return { step, count: sorted.length, p50: sorted[Math.ceil(sorted.length / 2) - 1] ?? 0, max: sorted.at(-1) ?? 0 };
    })
    .sort((a, b) => a.step.localeCompare(b.step));
}
