/**
 * How much of the last hour, day and week the service was up, in buckets of a minute and an hour. Pure but for the clock that is passed in.
 * Buckets lie on a time line of their own, which the monotonic clock moves: the wall clock only measures the gap between two agents.
 */
import type { Clock } from "@legation/runtime";

/** Whether time counts: as up, as down, or not at all. */
export type Presence = "up" | "down" | "idle";

/** Up and down time of one window. */
export interface UptimeWindow {
  /** Of the observed time, rounded to a thousandth; absent where nothing was observed. */
  readonly percent?: number;
  /** Milliseconds of the window in which an agent watched. */
  readonly observedMs: number;
}

/** The windows of REQUIREMENTS R2. */
export interface Uptimes {
  readonly "1h": UptimeWindow;
  readonly "24h": UptimeWindow;
  readonly "7d": UptimeWindow;
}

/** One bucket: its number on the time line, and milliseconds of up and of down in it. */
export type Bucket = readonly [index: number, up: number, down: number];

/** What the next agent needs to go on. */
export interface UptimeRecord {
  /** When it was written, milliseconds since the epoch. */
  readonly at: number;
  /** The same moment on the time line, milliseconds. */
  readonly position: number;
  readonly minutes: readonly Bucket[];
  readonly hours: readonly Bucket[];
}

/** The count. */
export interface Uptime {
  /** From now on time counts as this. */
  note(presence: Presence): void;
  readonly windows: Uptimes;
  readonly record: UptimeRecord;
}

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const week = 7 * day;

/** Goes on from a record, with the time since then not counted; at first nothing counts. */
export function createUptime(clock: Clock, kept?: UptimeRecord): Uptime {
  // A wall clock that was put back in the meantime cannot tell the gap: it is taken for none.
  const gap = kept ? Math.min(Math.max(0, clock.now() - kept.at), 2 * week) : 0;
  const start = (kept?.position ?? 0) + gap - clock.monotonic();
  const minutes = createSeries(minute, hour, kept?.minutes);
  const hours = createSeries(hour, week, kept?.hours);
  let presence: Presence = "idle";
  let since = start + clock.monotonic();

  const settle = (): number => {
    const now = start + clock.monotonic();
    if (presence !== "idle") for (const series of [minutes, hours]) series.add(since, now, presence === "up");
    since = now;
    return now;
  };
  return {
    note(next) {
      settle();
      presence = next;
    },
    get windows() {
      const now = settle();
      return { "1h": minutes.window(now, hour), "24h": hours.window(now, day), "7d": hours.window(now, week) };
    },
    get record() {
      const position = settle();
      return { at: clock.now(), position: Math.round(position), minutes: minutes.buckets(position), hours: hours.buckets(position) };
    },
  };
}

/** Buckets of one size that reach back over one length of time. */
function createSeries(size: number, length: number, kept: readonly Bucket[] = []) {
  const buckets = new Map<number, { up: number; down: number }>(kept.map(([index, up, down]) => [index, { up, down }]));
  const forget = (now: number): void => {
    for (const index of buckets.keys()) if ((index + 1) * size <= now - length) buckets.delete(index);
  };
  return {
    add(from: number, to: number, up: boolean): void {
      forget(to);
      for (let at = Math.max(from, to - length); at < to; ) {
        const index = Math.floor(at / size);
        const end = Math.min(to, (index + 1) * size);
        const bucket = buckets.get(index) ?? { up: 0, down: 0 };
        bucket[up ? "up" : "down"] += end - at;
        buckets.set(index, bucket);
        at = end;
      }
    },
    /** The oldest bucket counts by the part of it that lies in the window. */
    window(now: number, span: number): UptimeWindow {
      let up = 0;
      let down = 0;
      for (const [index, bucket] of buckets) {
        const share = Math.min(1, Math.max(0, ((index + 1) * size - (now - span)) / size));
        up += bucket.up * share;
        down += bucket.down * share;
      }
      const observed = up + down;
      return { ...(observed > 0 ? { percent: Math.round((up / observed) * 100_000) / 1_000 } : {}), observedMs: Math.round(observed) };
    },
    buckets(now: number): readonly Bucket[] {
      forget(now);
      return [...buckets].map(([index, { up, down }]) => [index, Math.round(up), Math.round(down)] as const);
    },
  };
}
