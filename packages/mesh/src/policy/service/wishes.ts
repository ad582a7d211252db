/** What a service wishes for itself in its registration: above the defaults, below any policy of an operator (REQUIREMENTS R1). */
import { byIdentity, compareText, type Instance, keyOf, metaOf } from "../../catalog/instance.js";
import { type BalancingStrategy, balancingStrategies, hashStrategies } from "../traffic/balancing/strategy.js";
import type { TrafficSettings } from "../traffic/settings.js";

/** Fulfils one wish, or says how its value should be. */
type Fulfil = (text: string, settings: TrafficSettings) => TrafficSettings | string;

/** By the key behind `legation-wish-` in a registration's `Meta`. Other keys are not for proxies. */
const fulfil: ReadonlyMap<string, Fulfil> = new Map<string, Fulfil>([
  [
    "balancing",
    (text, settings) =>
      isWishable(text) ? { ...settings, balancing: { ...settings.balancing, strategy: text } } : `use ${wishable.join(", ")}`,
  ],
  [
    "failure-threshold",
    (text, settings) =>
      /^[1-9]\d{0,6}$/.test(text) && Number(text) <= 1_000_000
        ? { ...settings, circuitBreaker: { ...settings.circuitBreaker, failureThreshold: Number(text) } }
        : "use a whole number from 1 to 1000000",
  ],
]);

/**
 * The defaults with a service's wishes put in. Of each wish the value of most instances holds, so that a rolling update changes it once;
 * an instance that wishes nothing counts for the default, which yields where both are even. `problems` names who differs, and wishes
 * that cannot be fulfilled, in whose place the default holds.
 */
export function withWishes(
  instances: readonly Instance[],
  defaults: TrafficSettings,
): { readonly settings: TrafficSettings; readonly problems: readonly string[] } {
  const wished = [...instances].sort(byIdentity).map((instance) => ({ instance, wishes: metaOf(instance).wishes }));
  const problems: string[] = [];
  let settings = defaults;
  for (const [key, apply] of fulfil) {
    const said = wished.map(({ instance, wishes }) => ({ instance, text: wishes[key] ?? "" }));
    const text = mostSaid(said.map((one) => one.text));
    const odd = said.filter((one) => one.text !== text);
    if (odd.length > 0) {
      const names = odd.map((one) => `${keyOf(one.instance)} (${one.text || "none"})`).join(", ");
      problems.push(`its instances wish for different ${key}: ${text || "none"} holds, and not that of ${names}. Register all with one`);
    }
    if (text === "") continue;
    const fulfilled = apply(text, settings);
    if (typeof fulfilled === "string") problems.push(`its wish of "${text}" for ${key} is not one that proxies know: ${fulfilled}`);
    else settings = fulfilled;
  }
  return { settings, problems };
}

/** The most frequent text; where several are, the first by code unit, and the empty one only alone. */
function mostSaid(texts: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  const [first] = [...counts].sort(([a, m], [b, n]) => n - m || Number(a === "") - Number(b === "") || compareText(a, b));
  return first?.[0] ?? "";
}

/** A word alone does not say what of a request to hash on. */
const wishable = balancingStrategies.filter((strategy) => !hashStrategies.includes(strategy));

function isWishable(text: string): text is BalancingStrategy {
  return (wishable as readonly string[]).includes(text);
}
