/** When a leaf is to be asked for again, and how near its end it is. Pure; milliseconds. */
import type { LeafFacts } from "./certificate.js";

/** How a leaf stands at one moment. */
export type Validity = "early" | "valid" | "expiring" | "expired";

/** Consul's agent renews between these shares of a leaf's life; what is left after the second one is an alarm. */
const renewal = { from: 0.6, late: 0.9 } as const;

/** Between two questions for a leaf that is due: a fiftieth of its life, within these bounds. */
const due = { least: 5_000, most: 600_000 } as const;

/** How the leaf stands at `now`; `early` is before its first moment, which a clock that is behind sees. */
export function validityAt({ notBefore, notAfter }: LeafFacts, now: number): Validity {
  if (now < notBefore) return "early";
  if (now >= notAfter) return "expired";
  return now >= notBefore + (notAfter - notBefore) * renewal.late ? "expiring" : "valid";
}

/** How long after the last question the next one is due; undefined while the leaf is fresh. */
export function renewalInterval({ notBefore, notAfter }: LeafFacts, now: number): number | undefined {
  const life = notAfter - notBefore;
  if (now >= notBefore && now < notBefore + life * renewal.from) return undefined;
  return Math.min(due.most, Math.max(due.least, life / 50));
}

/** How long until the leaf stands otherwise, or is due; undefined when it has ended. */
export function untilNextMoment({ notBefore, notAfter }: LeafFacts, now: number): number | undefined {
  const life = notAfter - notBefore;
  const moments = [notBefore, notBefore + life * renewal.from, notBefore + life * renewal.late, notAfter];
  const next = moments.find((moment) => moment > now);
  return next === undefined ? undefined : next - now;
}
