/** Waiting for a condition of real processes, within a generous limit. */

/** The limit, in milliseconds. */
const limit = 40_000;

/** Asks `condition` until it gives something other than false and undefined, and returns that. Throws with `what` and the last answer. */
export async function until<T>(what: string, condition: () => T | Promise<T>): Promise<Exclude<T, false | undefined>> {
  const end = performance.now() + limit;
  let last: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value !== false && value !== undefined) return value as Exclude<T, false | undefined>;
      last = value;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) throw new Error(`waited ${limit} ms for ${what}`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
