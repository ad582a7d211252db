/** Which restart comes next: every fault in turn, with a plain restart before each, on one rank of instances after the other. */
import type { Fault } from "./fault.js";

/** One restart to play. */
export interface Turn {
  readonly fault: Fault;
  /** Which instance of each service. */
  readonly rank: number;
}

/** Endless. `plain`, where given, comes before every fault; with no fault it is all there is. A fault that comes again strikes another rank. */
export function* turns(plain: Fault | undefined, faults: readonly Fault[], ranks: number): Generator<Turn, never> {
  const before = plain ? [plain] : [];
  const cycle = faults.length === 0 ? before : faults.flatMap((fault) => [...before, fault]);
  for (let turn = 0; ; turn++) {
    const fault = cycle[turn % cycle.length];
    if (!fault) throw new Error("there is nothing to play: give a plain restart or a fault");
    const shift = cycle.length % ranks === 0 ? Math.floor(turn / cycle.length) : 0;
    yield { fault, rank: (turn + shift) % ranks };
  }
}
