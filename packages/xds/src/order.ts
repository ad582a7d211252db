/** Make before break: in which order the types of an aggregated stream may change. */
import { nothingOwed, type Plan } from "./plan.js";
import type { Subscription } from "./subscription.js";
import { TypeUrl } from "./type.js";

/** How long one type's change may wait for another type, in milliseconds. After that it goes out all the same. */
export interface OrderLimits {
  readonly additions: number;
  readonly removals: number;
}

/** A subscription with what it is owed. The plan of a subscription with an outstanding answer is empty. */
export interface Turn {
  readonly subscription: Subscription;
  readonly plan: Plan;
  /** The first answer is owed even when there is nothing to say. */
  readonly owesAnswer: boolean;
}

/** What to send next, and when to look again although nothing has happened. */
export interface Choice {
  readonly next: { readonly subscription: Subscription; readonly plan: Plan } | undefined;
  /** Monotonic milliseconds. */
  readonly wakeAt: number | undefined;
}

/**
 * Chooses the next message. Additions go CDS → EDS → LDS → RDS, each after the earlier types' additions are acknowledged;
 * removals go the other way, after all additions. Endpoint changes, absences and types without a rank never wait.
 * `turns` are in the order of additions; `warming` says that a new cluster still lacks its endpoints. Without `ordered` (a
 * stream of one type) nothing waits.
 */
export function choose(turns: readonly Turn[], warming: boolean, ordered: boolean, now: number, limits: OrderLimits): Choice {
  let wakeAt: number | undefined;
  const waits = ({ blockedSince }: Subscription, kind: "additions" | "removals"): boolean => {
    blockedSince[kind] ??= now;
    const until = blockedSince[kind] + limits[kind];
    if (now >= until) return false;
    if (wakeAt === undefined || until < wakeAt) wakeAt = until;
    return true;
  };
  const mayAdd = (turn: Turn) => !ordered || !blocksAddition(turn, turns, warming) || !waits(turn.subscription, "additions");
  const mayRemove = (turn: Turn) => !ordered || !blocksRemoval(turn, turns, warming) || !waits(turn.subscription, "removals");

  for (const turn of turns) {
    const { subscription, plan, owesAnswer } = turn;
    if (subscription.outstanding) continue;
    const set = plan.set.length > 0 && mayAdd(turn);
    if (!set && plan.absent.length === 0 && !(owesAnswer && plan.set.length === 0)) continue;
    const remove = plan.remove.length > 0 && mayRemove(turn);
    return { next: { subscription, plan: portion(plan, set, remove) }, wakeAt };
  }
  for (const turn of [...turns].reverse()) {
    if (turn.plan.remove.length > 0 && mayRemove(turn))
      return { next: { subscription: turn.subscription, plan: portion(turn.plan, false, true) }, wakeAt };
  }
  return { next: undefined, wakeAt };
}

function portion(plan: Plan, set: boolean, remove: boolean): Plan {
  if (plan.whole) return plan;
  return { ...plan, set: set ? plan.set : nothingOwed.set, remove: remove ? plan.remove : nothingOwed.remove };
}

function blocksAddition(turn: Turn, turns: readonly Turn[], warming: boolean): boolean {
  const rank = turn.subscription.type.rank;
  if (rank === undefined || turn.subscription.type.url === TypeUrl.endpoint) return false;
  return turns.some((other) => {
    const { url, rank: otherRank } = other.subscription.type;
    if (otherRank === undefined || otherRank >= rank) return false;
    return url === TypeUrl.endpoint ? warming : adds(other);
  });
}

function blocksRemoval(turn: Turn, turns: readonly Turn[], warming: boolean): boolean {
  const rank = turn.subscription.type.rank;
  if (rank === undefined) return false;
  return turns.some((other) => {
    const { url, rank: otherRank } = other.subscription.type;
    if (other === turn || otherRank === undefined) return false;
    if (url === TypeUrl.endpoint ? warming : adds(other)) return true;
    return otherRank > rank && (other.plan.remove.length > 0 || (other.subscription.outstanding?.plan.remove.length ?? 0) > 0);
  });
}

function adds({ subscription, plan }: Turn): boolean {
  const { outstanding } = subscription;
  return outstanding ? outstanding.plan.set.length > 0 || subscription.dirty : plan.set.length > 0;
}
