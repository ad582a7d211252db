/** An explanation for somebody who may not read every service in it. */
import type { ExplainedOutcome } from "@legation/contract/api";
import type { CallerExplanation } from "./explain.js";
import { summaryOf } from "./summary.js";

/** Leaves out what is said of instances of services that `may` does not hold, with words in their place. */
export function masked(told: CallerExplanation, may: (service: string) => boolean): CallerExplanation {
  const hidden = new Set(told.ways.map(({ service }) => service).filter((service) => !may(service)));
  if (hidden.size === 0) return told;
  const without = (outcome: ExplainedOutcome): ExplainedOutcome => {
    const { service = "", share, by, status, grpcStatus, flags } = outcome;
    if (!hidden.has(service)) return outcome;
    const known = { ...(status === undefined ? {} : { status }), ...(grpcStatus === undefined ? {} : { grpcStatus }) };
    return { share, by, service, ...known, flags, why: `not shown: it takes service:read on ${service}` };
  };
  const outcomes = told.outcomes.map(without);
  return {
    ...told,
    outcomes,
    summary: summaryOf(outcomes),
    ways: told.ways.map((way) =>
      hidden.has(way.service) ? { ...way, endpoints: [], settings: [], text: `not shown: it takes service:read on ${way.service}` } : way,
    ),
    notes: told.notes.filter((note) => ![...hidden].some((service) => note.includes(` ${service} `))),
  };
}

/** Every service of which something is said. */
export function servicesIn({ ways }: CallerExplanation): readonly string[] {
  return [...new Set(ways.map(({ service }) => service))];
}
