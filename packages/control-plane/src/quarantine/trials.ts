/** Finding which of several suspects is to blame: by halves, each served by itself to whoever asks for it. */
import type { Clock, Timer } from "@legation/runtime";
import { contentKey, type RefusedContent } from "./refused-content.js";

/** A trial that nobody answers is over after this; milliseconds. */
const trialLimit = 30_000;

/** The trials. */
export interface Trials {
  /** These were refused together: at least one of them is to blame. */
  add(group: readonly RefusedContent[]): void;
  /** A proxy took what the predicate says is in it. */
  accepted(holds: (content: RefusedContent) => boolean): void;
  /** A proxy refused these; the trial that they are of, if any, is over. */
  refused(contents: readonly RefusedContent[]): void;
  stop(): void;
}

interface Group {
  readonly contents: readonly RefusedContent[];
  /** At least one of them is to blame. */
  readonly certain: boolean;
}

/** Makes it. `release` serves contents, and `isHeld` says which are held back still. */
export function createTrials(o: {
  readonly release: (contents: readonly RefusedContent[]) => void;
  readonly isHeld: (content: RefusedContent) => boolean;
  readonly clock: Clock;
}): Trials {
  const groups: Group[] = [];
  let trial: { readonly tested: readonly RefusedContent[]; readonly rest: readonly RefusedContent[]; readonly timer: Timer } | undefined;

  function end(restIsCertain: boolean): void {
    if (!trial) return;
    trial.timer.cancel();
    groups.push({ contents: trial.rest, certain: restIsCertain });
    trial = undefined;
  }

  function next(): void {
    while (!trial && groups.length > 0) {
      const group = groups.pop();
      const contents = group?.contents.filter(o.isHeld) ?? [];
      if (contents.length === 0 || (group?.certain && contents.length === 1)) continue;
      const half = group?.certain ? Math.ceil(contents.length / 2) : contents.length;
      const timer = o.clock.timeout(trialLimit, () => {
        end(false);
        next();
      });
      trial = { tested: contents.slice(0, half), rest: contents.slice(half), timer };
      o.release(trial.tested);
    }
  }

  return {
    add(group) {
      if (group.length > 1) groups.push({ contents: group, certain: true });
      next();
    },
    accepted(holds) {
      if (!trial?.tested.every(holds)) return;
      end(true);
      next();
    },
    refused(contents) {
      const keys = new Set(contents.map(contentKey));
      if (trial?.tested.some((content) => keys.has(contentKey(content)))) end(false);
    },
    stop: () => trial?.timer.cancel(),
  };
}
