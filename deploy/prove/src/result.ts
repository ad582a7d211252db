/** What the proof has measured, and whether it holds. */
import type { Departure } from "./departure.js";
import { type Figures, kinds } from "./load/load.js";
import type { LongRequest } from "./scene.js";

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
  readonly failed: number;
  readonly brokenStreams: number;
  /** Of the requests that outlived the drain limit. */
  readonly long: number;
  readonly cut: number;
}

/** Sums up. */
export function totals({ figures, faults }: Result): Totals {
  const reports = kinds.map((kind) => figures.byKind[kind]);
  const long = faults.flatMap((fault) => fault.long);
  return {
    requests: reports.reduce((sum, { due }) => sum + due, 0),
    failed: reports.reduce((sum, { failed }) => sum + failed, 0),
    brokenStreams: figures.streams.opened - figures.streams.ok,
    long: long.length,
    cut: long.filter(({ cut }) => cut).length,
  };
}

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
