/** How often a random choice falls on one side, judged by the exact binomial distribution: for shares that are measured. */

/** Below this likelihood a count is held for wrong: less than one run in ten million. */
const improbable = 1e-7;

/**
 * The counts that `n` independent choices of probability `p` give: `least` and `most` cut off no more than 5·10⁻⁸ each
 * (Σ C(n,k) pᵏ (1−p)ⁿ⁻ᵏ beyond them).
 */
export function binomialBounds(n: number, p: number): { readonly least: number; readonly most: number } {
  return { least: lowest(n, p), most: n - lowest(n, 1 - p) };
}

function lowest(n: number, p: number): number {
  let log = n * Math.log1p(-p);
  let tail = 0;
  for (let k = 0; k < n; k++) {
    tail += Math.exp(log);
    if (tail > improbable / 2) return k;
    log += Math.log(n - k) - Math.log(k + 1) + Math.log(p) - Math.log1p(-p);
  }
  return n;
}
