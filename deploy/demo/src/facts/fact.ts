/** A fact of the story: something that the mesh shall do, observed on the real parts, with a figure. */
import type { Load, LoadReport } from "@legation/local";
import type { Shop } from "../shop.js";
import { count } from "../view.js";

/** What the story plays on. */
export interface Stage {
  readonly shop: Shop;
  /** Requests run all the time. */
  readonly load: Load;
}

/** One fact. */
export interface Fact {
  readonly title: string;
  /** Makes it happen and returns what was seen. Throws when it does not hold; the message tells what was seen instead. */
  observe(stage: Stage): Promise<string>;
}

/** Throws an Error with `seen` unless the fact holds. */
export function hold(holds: boolean, seen: string): void {
  if (!holds) throw new Error(seen);
}

/** What became of the requests that were due while `act` ran. */
export async function during<T>({ load }: Stage, act: () => Promise<T>): Promise<{ result: T; report: LoadReport }> {
  const stretch = load.stretch();
  const result = await act();
  return { result, report: await stretch.end() };
}

/** `0 of 1,234 requests failed`, with the reasons if some did. */
export function failures({ failed, due, failuresByReason }: LoadReport): string {
  const reasons = Object.entries(failuresByReason).map(([reason, n]) => `${n} × ${reason}`);
  return `${count(failed)} of ${count(due)} requests failed${reasons.length > 0 ? ` (${reasons.slice(0, 3).join("; ")})` : ""}`;
}

/** `1.23 s`, or `45 ms`. */
export function took(milliseconds: number): string {
  return milliseconds < 1_000 ? `${milliseconds.toFixed(0)} ms` : `${(milliseconds / 1_000).toFixed(2)} s`;
}
