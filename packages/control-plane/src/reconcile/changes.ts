/** What changed, newest last: a bounded list in memory. */
import type { Clock } from "@legation/runtime";

/** Changes kept at most. */
export const changesKept = 1_000;

/** One thing that happened to the mesh, as `event` with what it happened to. */
export interface Change {
  readonly sequence: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly event:
    | "service-added"
    | "service-changed"
    | "service-removed"
    | "instance-leaving"
    | "instance-arriving"
    | "leaving-expired"
    | "instances-held"
    | "instances-released"
    | "registry-complete"
    | "registry-lost"
    | "registry-restored"
    | "breaker-opened"
    | "breaker-half-open"
    | "breaker-closed"
    | "policies-changed"
    | "policies-refused"
    | "canary-running"
    | "canary-promoted"
    | "canary-withdrawn"
    | "resource-quarantined"
    | "resource-released";
  readonly service?: string;
  readonly instance?: string;
  /** More of it, in words. */
  readonly detail?: string;
}

/** The list. */
export interface Changes {
  add(change: Omit<Change, "sequence" | "at">): void;
  /** Oldest first. */
  list(): readonly Change[];
}

/** Makes an empty list. */
export function createChanges(clock: Clock): Changes {
  const kept: Change[] = [];
  let sequence = 0;
  return {
    add(change) {
      kept.push({ sequence: ++sequence, at: clock.now(), ...change });
      if (kept.length > 2 * changesKept) kept.splice(0, kept.length - changesKept);
    },
    list: () => kept.slice(-changesKept),
  };
}
