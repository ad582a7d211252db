/** Things that require others, put into layers: the first requires nobody, each later one somebody of the layer before it. Pure. */

/** Things in layers. */
export interface Layering<T> {
  /** Start from the first, stop from the last. Within a layer in the order in which the things were given. Those of one cycle share a layer. */
  readonly layers: readonly (readonly T[])[];
  /** Each cycle once, by its shortest way: the first requires the second, the last requires the first. Empty when there is none. */
  readonly cycles: readonly (readonly T[])[];
}

/**
 * Puts `items` into layers; `required` names what a thing requires, of which those that are no items count for nothing. Takes time in proportion
 * to the things and what they require, and beyond that only where there are cycles. Each thing that is part of a cycle is in one that is named, unless another
 * one that was named holds it already.
 */
export function layersOf<T>(items: readonly T[], required: (item: T) => readonly T[]): Layering<T> {
  const known = new Set(items);
  const edges = new Map(items.map((item) => [item, required(item).filter((other) => known.has(other))] as const));
  const of = (item: T): readonly T[] => edges.get(item) ?? [];
  const depth = new Map<T, number>();
  const cycles: T[][] = [];
  for (const knot of knots(items, of)) {
    const inside = new Set(knot);
    const behind = knot.flatMap((item) => of(item).flatMap((other) => (inside.has(other) ? [] : (depth.get(other) ?? 0) + 1)));
    const layer = behind.reduce((most, one) => Math.max(most, one), 0);
    for (const item of knot) depth.set(item, layer);
    cycles.push(...cyclesWithin(items, inside, of));
  }
  const layers: T[][] = [];
  for (const item of items) {
    const layer = depth.get(item) ?? 0;
    while (layers.length <= layer) layers.push([]);
    layers[layer]?.push(item);
  }
  const place = new Map(items.map((item, index) => [item, index] as const));
  const placeOf = (cycle: readonly T[]): number => (cycle[0] === undefined ? 0 : (place.get(cycle[0]) ?? 0));
  return { layers, cycles: cycles.sort((a, b) => placeOf(a) - placeOf(b)) };
}

/**
 * The strongly connected components, each after all that its members require (Tarjan, "Depth-first search and linear graph algorithms", 1972;
 * without recursion, so that a long chain is no matter).
 */
function knots<T>(items: readonly T[], of: (item: T) => readonly T[]): T[][] {
  const index = new Map<T, number>();
  const low = new Map<T, number>();
  const open: T[] = [];
  const isOpen = new Set<T>();
  const found: T[][] = [];
  const enter = (item: T): { item: T; next: number } => {
    index.set(item, index.size);
    low.set(item, index.size - 1);
    open.push(item);
    isOpen.add(item);
    return { item, next: 0 };
  };
  const lower = (item: T, to: number | undefined): void => {
    low.set(item, Math.min(low.get(item) ?? 0, to ?? 0));
  };
  for (const start of items) {
    if (index.has(start)) continue;
    const way = [enter(start)];
    for (let at = way.at(-1); at; at = way.at(-1)) {
      const other = of(at.item)[at.next++];
      if (other !== undefined) {
        if (!index.has(other)) way.push(enter(other));
        else if (isOpen.has(other)) lower(at.item, index.get(other));
        continue;
      }
      way.pop();
      const before = way.at(-1);
      if (before) lower(before.item, low.get(at.item));
      if (low.get(at.item) !== index.get(at.item)) continue;
      const knot = open.splice(open.lastIndexOf(at.item));
      for (const item of knot) isOpen.delete(item);
      found.push(knot);
    }
  }
  return found;
}

/** The cycles among the members of one component: the shortest through each member that none named before holds. */
function cyclesWithin<T>(items: readonly T[], inside: ReadonlySet<T>, of: (item: T) => readonly T[]): T[][] {
  const named = new Set<T>();
  const members = inside.size < 2 ? [...inside] : items.filter((item) => inside.has(item));
  return members.flatMap((start) => {
    const cycle = named.has(start) ? undefined : shortestCycle(start, (item) => of(item).filter((other) => inside.has(other)));
    for (const item of cycle ?? []) named.add(item);
    return cycle ? [cycle] : [];
  });
}

function shortestCycle<T>(start: T, of: (item: T) => readonly T[]): T[] | undefined {
  const cameFrom = new Map<T, T>();
  const queue = [start];
  for (const item of queue)
    for (const next of of(item)) {
      if (next === start) {
        const path = [item];
        for (let at = item; at !== start; ) {
          at = cameFrom.get(at) ?? start;
          path.unshift(at);
        }
        return path;
      }
      if (cameFrom.has(next)) continue;
      cameFrom.set(next, item);
      queue.push(next);
    }
  return undefined;
}
