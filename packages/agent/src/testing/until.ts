/** Waiting for conditions, never for time. */

/** Resolves to the first value of `look` that is neither undefined nor false; throws with the last failure after `limitMs`. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  limitMs = 20_000,
): Promise<T> {
  const deadline = performance.now() + limitMs;
  let problem: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      problem = error;
    }
    if (performance.now() > deadline) throw new Error(`${what} did not come true within ${limitMs} ms`, { cause: problem });
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
