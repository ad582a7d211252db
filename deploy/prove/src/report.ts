/** The proof's result for people: what became of the load, of each fault, and how long each step of a stop took. */

import { count, fit, table, time, wrap } from "./layout.js";
import { type Kind, kinds } from "./load/load.js";
import { holds, type Result, stepTimes, totals } from "./result.js";

const actions: Readonly<Record<string, string>> = {
  "1": "out of service in Consul, notice to the control plane",
  "2": "callers' proxies drop the instance",
  "2b": "callers outside the mesh drop the instance",
  "3": "inbound connections close after their request",
  "4": "requests under way end",
  "4b": "new connections are refused",
  "5": "the service ends",
  "6": "deregistered from Consul, verified",
  "7": "Envoy stops",
  all: "the whole stop",
};

/** The tables and the verdict, each line within 80 columns. */
export function report(result: Result): string {
  const causes = failureTable(result);
  return [
    loadTable(result),
    ...(causes === undefined ? [] : [causes]),
    faultTable(result),
    noteLines(result),
    stepTable("plain restarts", result, (name) => name === "none"),
    stepTable("restarts with a fault", result, (name) => name !== "none"),
    verdict(result),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

function loadTable({ figures }: Result): string {
  const rows = kinds.map((kind: Kind) => {
    const { due, failed, latency } = figures.byKind[kind];
    return [kind, count(due), count(failed), time(latency.p50), time(latency.p99), time(latency.max)];
  });
  const { opened, ok } = figures.streams;
  return table(
    ["LOAD", "REQUESTS", "FAILED", "P50", "P99", "MAX"],
    [...rows, ["gRPC streams", count(opened), count(opened - ok), "", "", ""]],
  );
}

function failureTable({ figures }: Result): string | undefined {
  const rows = kinds.flatMap((kind) =>
    Object.entries(figures.byKind[kind].failuresByReason).map(([reason, n]) => [kind as string, count(n), reason]),
  );
  for (const { reason } of figures.streams.broken.slice(0, 20)) rows.push(["gRPC streams", "1", reason]);
  return rows.length === 0 ? undefined : table(["FAILED BY", "TIMES", "CAUSE"], rows);
}

function faultTable({ faults }: Result): string {
  const rows = faults.map((f) => [f.step, count(f.restarts), count(f.requests), count(f.failed), f.title]);
  return table(["STEP", "RESTARTS", "REQUESTS", "FAILED", "FAULT"], rows);
}

/** What was seen at the last restart with each fault. */
function noteLines({ faults }: Result): string {
  const noted = faults.map(({ title, notes, long }) => {
    const cut = long.length > 0 ? [`${long.filter((l) => l.cut).length} of ${long.length} requests were cut`] : [];
    return { title, notes: [...notes, ...cut] };
  });
  return noted
    .filter(({ notes }) => notes.length > 0)
    .map(({ title, notes }) => [`${title}:`, ...notes.flatMap((note) => wrap(note, "  "))].join("\n"))
    .join("\n");
}

function stepTable(title: string, { faults }: Result, wanted: (fault: string) => boolean): string {
  const departures = faults.filter(({ name }) => wanted(name)).flatMap((fault) => fault.departures);
  if (departures.length === 0) return "";
  const rows = stepTimes(departures).map(({ step, count: n, p50, max }) => [step, count(n), time(p50), time(max), actions[step] ?? ""]);
  return table(["STEP", "TIMES", "P50", "MAX", `ACTION, ${title}`], rows);
}

/** One sentence: whether the proof holds, and by which figures. */
export function verdict(result: Result): string {
  const { requests, failed, brokenStreams, inFlight, long, cut } = totals(result);
  const restarts = result.faults.reduce((sum, fault) => sum + fault.restarts, 0);
  const apart = long > 0 ? `\nCounted apart: ${cut} of ${long} requests that outlived the drain limit were cut.` : "";
  const killed = inFlight > 0 ? `\nCounted apart: ${inFlight} requests or streams that may not be repeated were in flight at a kill.` : "";
  const problems = result.problems.map((problem) => `\n${fit(problem)}`).join("");
  const figures = `${count(failed)} of ${count(requests)} requests failed, ${count(brokenStreams)} of ${count(result.figures.streams.opened)} streams`;
  return `${holds(result) ? "HOLDS" : "FAILS"}: ${figures}; ${count(restarts)} restarts, ${time(result.ms)}.${apart}${killed}${problems}`;
}
