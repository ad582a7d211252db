/** The connection to Consul as a whole: which watches answer, since when, and what all of it costs. */
import type { Answer, Consul, ReadOptions } from "@legation/consul";
import type { Clock } from "@legation/runtime";

/** The connection. Reads go through it, to be counted. */
export interface Link {
  get<T>(path: string, options?: ReadOptions): Promise<Answer<T>>;
  /** A watch on this path belongs to the connection. */
  expect(path: string): void;
  /** That watch has answered. True when all of them now do and `restored` is still to be called. */
  answered(path: string): boolean;
  /** That watch has failed. True for the first failure since `restored`. */
  lost(path: string): boolean;
  /** All is in order again, unless a watch has failed meanwhile. Says whether it is, and whether anything had been lost before. */
  restored(): { readonly whole: boolean; readonly wasLost: boolean };
  readonly connected: boolean;
  /** Milliseconds since the epoch. */
  readonly lastAnswerAt: number | undefined;
  readonly traffic: { readonly requests: number; readonly bytes: number };
}

/** Makes the connection; nothing is asked yet. */
export function createLink(consul: Pick<Consul, "get">, clock: Clock): Link {
  const silent = new Set<string>();
  let connected = false;
  let complained = false;
  let lastAnswerAt: number | undefined;
  let requests = 0;
  let bytes = 0;
  return {
    async get(path, options) {
      requests++;
      const answer = await consul.get<never>(path, options);
      bytes += answer.bytes;
      lastAnswerAt = clock.now();
      return answer;
    },
    expect: (path) => void silent.add(path),
    answered(path) {
      silent.delete(path);
      return silent.size === 0 && !connected;
    },
    lost(path) {
      silent.add(path);
      connected = false;
      const first = !complained;
      complained = true;
      return first;
    },
    restored() {
      if (silent.size > 0) return { whole: false, wasLost: complained };
      const wasLost = complained;
      connected = true;
      complained = false;
      return { whole: true, wasLost };
    },
    get connected() {
      return connected;
    },
    get lastAnswerAt() {
      return lastAnswerAt;
    },
    get traffic() {
      return { requests, bytes };
    },
  };
}
