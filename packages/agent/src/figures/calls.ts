/** Whom this instance calls, as its report tells it: bounded, and what nobody has declared first. */
import { type ReportedCall, reportedCalls } from "@legation/contract";

/** At most `reportedCalls` of the services that something was `sent` to; `declared` are the names of the instance's dependencies. */
export function callsOf(sent: ReadonlyMap<string, number>, declared: Iterable<string>): readonly ReportedCall[] {
  const known = new Set(declared);
  return [...sent]
    .map(([service, count]) => ({ service, count }))
    .sort((a, b) => Number(known.has(a.service)) - Number(known.has(b.service)) || b.count - a.count || (a.service < b.service ? -1 : 1))
    .slice(0, reportedCalls);
}
