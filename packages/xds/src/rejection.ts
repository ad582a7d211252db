/** What a client refused: which resources are to blame, and when each may be tried again. */
import type { Resource } from "./resource.js";

/** A resource that a client refused. It is not sent again before `retryAt` unless its content changes. */
export interface Rejection {
  readonly resource: Resource;
  readonly message: string;
  /** How often this very content was refused. */
  readonly attempts: number;
  /** Monotonic milliseconds. */
  readonly retryAt: number;
}

/** The waits between attempts, in milliseconds: `base × 2^(attempts − 1)`, at most `max`, plus up to a fifth at random. */
export interface RetryTimes {
  /** At least 1,000. */
  readonly base: number;
  readonly max: number;
}

/** The rejection after `before`, which is of the same content or undefined. */
export function reject(
  resource: Resource,
  message: string,
  before: Rejection | undefined,
  now: number,
  times: RetryTimes,
  random: number,
): Rejection {
  const attempts = (before?.resource === resource ? before.attempts : 0) + 1;
  return { resource, message, attempts, retryAt: now + waitAfter(attempts, times, random) };
}

/** A removal that a client refused, which leaves no resource to blame. */
export type RefusedRemoval = Pick<Rejection, "attempts" | "retryAt">;

/** The refusal of a removal after `before`, which is of the same name or undefined. */
export function rejectRemoval(before: RefusedRemoval | undefined, now: number, times: RetryTimes, random: number): RefusedRemoval {
  const attempts = (before?.attempts ?? 0) + 1;
  return { attempts, retryAt: now + waitAfter(attempts, times, random) };
}

function waitAfter(attempts: number, times: RetryTimes, random: number): number {
  return Math.min(times.max, Math.max(1_000, times.base) * 2 ** (attempts - 1)) * (1 + random / 5);
}

/**
 * The resources that a refusal is about: the only one, or those whose names stand in the client's text. Empty when the text
 * names none of several; then they have to be tried in parts.
 */
export function culprits(message: string, resources: readonly Resource[]): readonly Resource[] {
  return resources.length === 1 ? resources : resources.filter(({ name }) => names(message, name));
}

function names(message: string, name: string): boolean {
  if (name === "") return false;
  for (let at = message.indexOf(name); at >= 0; at = message.indexOf(name, at + 1)) {
    if (!/[\w-]/.test(message[at - 1] ?? " ") && !/[\w-]/.test(message[at + name.length] ?? " ")) return true;
  }
  return false;
}
