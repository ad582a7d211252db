/** Waiting for a condition on real parts, with a limit, and with words about what was last seen when it does not come. */
import { type Clock, LegationError, systemClock } from "@legation/runtime";

/** How `until` waits. */
export interface UntilOptions {
  /** What is awaited, as it stands behind "waited 5 s for". */
  readonly what: string;
  /** Milliseconds after which `until` gives up. */
  readonly limitMs: number;
  /** Milliseconds between two looks; 50 by default. */
  readonly everyMs?: number;
  /** Ends the wait early: `until` rejects with its reason. */
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
}

/** Tells `until` what is seen now, for the message if the wait ends without success. */
export type Note = (seen: unknown) => void;

/**
 * Calls `look` until it returns something other than undefined, null or false, and returns that. What `look` throws counts as "not
 * yet". Throws a LegationError with code `local.waited` that tells what was awaited and what was last seen.
 */
export async function until<T>(
  look: (note: Note) => T | undefined | null | false | Promise<T | undefined | null | false>,
  { what, limitMs, everyMs = 50, signal, clock = systemClock }: UntilOptions,
): Promise<T> {
  const start = clock.monotonic();
  let seen: unknown;
  let failure: unknown;
  const note: Note = (value) => {
    seen = value;
  };
  for (;;) {
    signal?.throwIfAborted();
    try {
      const value = await look(note);
      if (value !== undefined && value !== null && value !== false) return value;
      failure = undefined;
    } catch (error) {
      failure = error;
    }
    const waited = clock.monotonic() - start;
    if (waited >= limitMs) throw new LegationError("local.waited", sentence(what, waited, failure ?? seen), { cause: failure });
    await clock.sleep(Math.min(everyMs, limitMs - waited), signal);
  }
}

function sentence(what: string, waitedMs: number, seen: unknown): string {
  const waited = `waited ${(waitedMs / 1000).toFixed(1)} s for ${what}`;
  if (seen === undefined) return waited;
  return `${waited}; last seen: ${seen instanceof Error ? seen.message : typeof seen === "string" ? seen : JSON.stringify(seen)}`;
}
