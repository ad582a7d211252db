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
  /**
   * That watch has failed. `first` for the first failure since `restored`; `doubtful` are the watches that had answered: they do not
   * know of the failure and may hold on to an index of the past, so they have to start over, and answer anew.
   */
  lost(path: string): { readonly first: boolean; readonly doubtful: readonly string[] };
  /** All is in order again, unless a watch has failed meanwhile. Says whether it is, and whether anything had been lost before. */
  restored(): { readonly whole: boolean; readonly wasLost: boolean };
  readonly connected: boolean;
  /** The time of the newest data that were answered, by a server with a leader; milliseconds since the epoch. */
  readonly lastAnswerAt: number | undefined;
  readonly traffic: { readonly requests: number; readonly bytes: number };
}

/** True for an answer of the leader, or of a server that has heard of it within 10 s. */
export function isCurrent(answer: Pick<Answer<unknown>, "knownLeader" | "lastContactMs">): boolean {
  return answer.knownLeader && answer.lastContactMs < 10_000;
}

/** Makes the connection; nothing is asked yet. */
export function createLink(consul: Pick<Consul, "get">, clock: Clock): Link {
  const watches = new Set<string>();
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
      if (isCurrent(answer)) lastAnswerAt = Math.max(lastAnswerAt ?? 0, clock.now() - answer.lastContactMs);
      return answer;
    },
    expect(path) {
      watches.add(path);
      silent.add(path);
    },
    answered(path) {
      silent.delete(path);
      return silent.size === 0 && !connected;
    },
    lost(path) {
      const doubtful = [...watches].filter((each) => each !== path && !silent.has(each));
      for (const each of watches) silent.add(each);
      connected = false;
      const first = !complained;
      complained = true;
      return { first, doubtful };
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
