/** Durations and shares as people write them: `250ms`, `10s`, `20%`. */
import { z } from "zod";

const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const written = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/;

/** Whole milliseconds of a written duration. Only for texts that a schema of `durationField` has accepted. */
export function milliseconds(text: string): number {
  const [, number, unit] = written.exec(text) ?? [];
  return Math.round(Number(number) * units[unit as keyof typeof units]);
}

/** The field of a duration between two bounds, both included, as they are written. */
export function durationField(least: string, most: string) {
  const error = `use a duration from ${least} to ${most}, such as 250ms, 10s or 5m`;
  return z
    .string({ error })
    .regex(written, { error })
    .refine((text) => milliseconds(text) >= milliseconds(least) && milliseconds(text) <= milliseconds(most), { error })
    .meta({ examples: [most] });
}

const share = /^(\d{1,3}(?:\.\d{1,4})?)%$/;

/** The number of a written share: 20 for `20%`. Only for texts that a schema of `percentField` or `wholePercentField` has accepted. */
export function percent(text: string): number {
  return Number(share.exec(text)?.[1]);
}

/** The field of a share between two bounds in percent, both included. */
export function percentField(least = 0, most = 100) {
  const error = `use a share from ${least}% to ${most}%, such as ${Math.max(least, Math.min(most, 20))}%`;
  return z
    .string({ error })
    .regex(share, { error })
    .refine((text) => percent(text) >= least && percent(text) <= most, { error });
}

const wholeShare = /^\d{1,3}%$/;

/** The same for what Envoy takes in whole percent: of 0.4% it would make none at all, and of 99.6% all. */
export function wholePercentField(least = 0, most = 100) {
  const error = `use a share from ${least}% to ${most}% without decimals, such as ${Math.max(least, Math.min(most, 20))}%`;
  return z
    .string({ error })
    .regex(wholeShare, { error })
    .refine((text) => percent(text) >= least && percent(text) <= most, { error });
}
