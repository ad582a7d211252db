/** What of refused routes can be to blame: the virtual hosts that no proxy has taken yet in other routes. */
import type { RoutePart } from "@legation/mesh";
import type { Resource } from "@legation/xds";
import { partsOf } from "./substitution.js";

/** A virtual host that can be to blame, with the last good one of its name. */
export interface Suspect {
  readonly part: RoutePart;
  readonly good: RoutePart | undefined;
}

/** The suspects of refused routes. `before` came before them, and `taken` are other routes that proxies hold; the first has precedence. */
export function suspectsOf(refused: Resource, before: Resource | undefined, taken: Iterable<Resource>): readonly Suspect[] {
  const good = new Map<string, RoutePart>();
  const fine = new Set<string>();
  for (const routes of [...(before ? [before] : []), ...taken]) {
    for (const part of partsOf(routes).values()) {
      fine.add(`${part.name} ${part.version}`);
      if (!good.has(part.name)) good.set(part.name, part);
    }
  }
  return [...partsOf(refused).values()]
    .filter(({ name, version }) => !fine.has(`${name} ${version}`))
    .map((part) => ({ part, good: good.get(part.name) }));
}
