/** How many proxies are connected, and how many of them refuse something: counted for whoever asks, and never so often that it holds up the proxies. */
import type { Clock } from "@legation/runtime";
import type { StreamStatus } from "@legation/xds";

/** A count. */
export interface StreamCount {
  readonly streams: number;
  /** Streams with a refused resource that has not been replaced. */
  readonly rejected: number;
}

/** A count that takes no longer is made for each question; milliseconds. */
const quick = 20;

/** After a longer one so many times as long is left to other work, and 10 s at most: until then the last count is given. */
const pause = { times: 20, longest: 10_000 } as const;

/** Makes the function; `streams` copies how all streams stand, which takes long where there are thousands. */
export function createStreamCount(streams: () => readonly StreamStatus[], clock: Pick<Clock, "monotonic">): () => StreamCount {
  let last: { readonly count: StreamCount; readonly until: number } | undefined;
  return () => {
    const from = clock.monotonic();
    if (last && from < last.until) return last.count;
    const all = streams();
    const rejected = all.filter(({ types }) => types.some((type) => type.rejected.length > 0)).length;
    const now = clock.monotonic();
    const took = now - from;
    last = { count: { streams: all.length, rejected }, until: took > quick ? now + Math.min(pause.times * took, pause.longest) : now };
    return last.count;
  };
}
