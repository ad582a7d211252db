/** What goes wrong again and again: said at once, and then rarely. */
import type { Clock } from "@legation/runtime";

/** What was said, and when. */
export interface Complaints {
  /** Calls `say` at the first complaint of a kind, and later at most once per interval, with how many were not said in between. */
  about(kind: string, say: (unsaid: number) => void): void;
  /** All is well again: the next complaint of any kind is the first. */
  forget(): void;
}

/** Kinds remembered at most; the one that was said longest ago goes first. */
const kindsKept = 1_000;

/** Makes an empty memory. `every` is the interval in milliseconds. */
export function createComplaints(clock: Clock, every: number): Complaints {
  const said = new Map<string, { readonly at: number; unsaid: number }>();
  return {
    about(kind, say) {
      const last = said.get(kind);
      if (last && clock.monotonic() - last.at < every) return void last.unsaid++;
      said.delete(kind);
      said.set(kind, { at: clock.monotonic(), unsaid: 0 });
      for (const oldest of said.keys()) if (said.size > kindsKept) said.delete(oldest);
      say(last?.unsaid ?? 0);
    },
    forget: () => said.clear(),
  };
}
