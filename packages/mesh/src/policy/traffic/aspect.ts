/** One aspect of how a destination is called: balancing, retries, limits, … One folder each. */
import type { z } from "zod";

/** An aspect: what an operator may write of it, what holds without a word, and how the one is put over the other. */
export interface Aspect<Schema extends z.ZodType, Settings> {
  /** Every field is optional: what is left out is said by the next wider policy, at last by `defaults`. */
  readonly schema: Schema;
  readonly defaults: Settings;
  /** `below` with what was written put over it. */
  over(written: z.output<Schema>, below: Settings): Settings;
}

/** Makes an aspect; the type of what may be written follows from its schema. */
export function aspect<Schema extends z.ZodType, Settings>(one: Aspect<Schema, Settings>): Aspect<Schema, Settings> {
  return one;
}

/** The fields that were written, without those that are undefined: for `over`. */
export function said<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
