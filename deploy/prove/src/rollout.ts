/** The proof: load all the time, one restart after the other, and at the end what became of it. */
import type { LoadReport } from "@legation/local";
import type { Fault } from "./fault.js";
import type { Fleet } from "./fleet.js";
import { kinds, type ProofLoad } from "./load/load.js";
import type { StreamEnd } from "./load/open-stream.js";
import { turns } from "./plan.js";
import type { FaultResult, Result } from "./result.js";
import { createScene, type Observed } from "./scene.js";

const mostFailures = 20;

/** How long it goes on: until all three are reached. */
export interface Goal {
  /** Requests due. */
  readonly requests: number;
  /** Restarts of each instance. */
  readonly restarts: number;
  /** Played before each fault; nothing is without it. */
  readonly plain?: Fault;
  /** How many ranks are restarted in turn: all of them, or the first alone. */
  readonly ranks: number;
  /** Each is played once at least. */
  readonly faults: readonly Fault[];
}

/** Plays until the goal is reached or the signal is aborted, and stops the load. `progress` gets a line for each restart. */
export async function rollout(
  fleet: Fleet,
  load: ProofLoad,
  goal: Goal,
  progress: (line: string) => void,
  signal: AbortSignal,
): Promise<Result> {
  const start = performance.now();
  const results = new Map<string, FaultResult>();
  const problems: string[] = [];
  const perRank = Array.from({ length: goal.ranks }, () => 0);
  const due = (): number => kinds.reduce((sum, kind) => sum + load.report().byKind[kind].due, 0);
  const reached = (): boolean =>
    due() >= goal.requests && perRank.every((n) => n >= goal.restarts) && goal.faults.every(({ name }) => results.has(name));

  for (const { fault, rank } of turns(goal.plain, goal.faults, goal.ranks)) {
    if (signal.aborted || problems.length > 0 || reached()) break;
    const observed: Observed = { departures: [], notes: [], long: [], kills: [] };
    const stretch = load.stretch();
    const brokenBefore = load.report().streams.broken.length;
    const began = performance.now();
    try {
      await fault.play(createScene(fleet, rank, observed));
    } catch (error) {
      // Stopping everything breaks what is being played.
      if (!signal.aborted) problems.push(`${fault.title}: ${error instanceof Error ? error.message : error}`);
    }
    perRank[rank] = (perRank[rank] ?? 0) + 1;
    const reports = Object.values(await stretch.end());
    const failed = reports.reduce((sum, report) => sum + report.failed, 0);
    const requests = reports.reduce((sum, report) => sum + report.due, 0);
    results.set(fault.name, add(results.get(fault.name), fault, observed, requests, failed));
    const broken = load.report().streams.broken.slice(brokenBefore);
    if (failed + broken.length > 0) for (const line of timeline(reports, broken, observed)) progress(line);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    progress(`${due()} requests, ${failed} failed now; rank ${rank + 1}, ${fault.title}, ${seconds} s${noted(observed)}`);
  }
  if (!signal.aborted)
    await fleet.untilIdentified().catch((error: unknown) => problems.push(error instanceof Error ? error.message : String(error)));
  const figures = await load.stop();
  return { figures, faults: [...results.values()], problems, ms: performance.now() - start };
}

function add(before: FaultResult | undefined, { name, title, step }: Fault, o: Observed, requests: number, failed: number): FaultResult {
  return {
    name,
    title,
    step,
    restarts: (before?.restarts ?? 0) + o.departures.length,
    requests: (before?.requests ?? 0) + requests,
    failed: (before?.failed ?? 0) + failed,
    notes: o.notes.length > 0 ? o.notes : (before?.notes ?? []),
    departures: [...(before?.departures ?? []), ...o.departures],
    long: [...(before?.long ?? []), ...o.long],
    kills: [...(before?.kills ?? []), ...o.kills],
  };
}

/** Failures beside the kills and the steps of those who left, in the order of time, so that a cause can be found. */
function timeline(reports: readonly LoadReport[], broken: readonly StreamEnd[], { departures, kills }: Observed): string[] {
  const failures = reports
    .flatMap((report) => report.failures)
    .slice(0, mostFailures)
    .map(({ at, afterMs, reason }) => ({ at, text: `FAILED after ${afterMs.toFixed(0)} ms: ${reason}` }));
  const streams = broken
    .slice(0, mostFailures)
    .map(({ openedAt, endedAt, reason }) => ({ at: endedAt, text: `STREAM BROKE after ${endedAt - openedAt} ms: ${reason}` }));
  const killed = kills.map(({ at, part }) => ({ at, text: `kill -9: ${part}` }));
  const steps = departures.flatMap(({ id, steps: all }) =>
    all.map(({ at, step, outcome }) => ({ at, text: `${id} step ${step} over: ${outcome}` })),
  );
  return [...failures, ...streams, ...killed, ...steps]
    .sort((a, b) => a.at - b.at)
    .map(({ at, text }) => `  ${new Date(at).toISOString().slice(11, 23)} ${text}`);
}

function noted({ notes }: Observed): string {
  return notes.map((note) => `\n      ${note}`).join("");
}
