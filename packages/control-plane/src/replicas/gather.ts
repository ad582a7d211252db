/** One question to all other control planes at once: what only they know is asked of them when it is wanted. */
import { messageOf } from "@legation/runtime";
import type { AskReplica } from "./ask-replica.js";
import type { Replica } from "./directory.js";

/** What one of the others answered. */
export interface ReplicaAnswer<T> {
  /** Its name, which is another after each start. */
  readonly replica: string;
  /** `host:port` of its HTTP API. */
  readonly address: string;
  readonly value: T;
}

/** What all of them said. */
export interface Gathered<T> {
  readonly answers: readonly ReplicaAnswer<T>[];
  /** Those that did not answer, each with the reason: `10.0.0.2:8080 refused the connection`. */
  readonly silent: readonly string[];
}

/** What is asked. */
export interface ReplicaQuestion<T> {
  /** A path of `addReplicaRoute`. */
  readonly path: string;
  /** Sent as JSON; made for each replica, so that each can be asked for what it has not yet told. */
  readonly body: (replica: Replica) => object;
  /** Takes the decoded answer; throws for one that it cannot use, as of a replica of another version. */
  readonly read: (answer: unknown) => T;
  /** How long each is waited for; milliseconds. `gatherLimit` unless given. */
  readonly limitMs?: number;
  readonly signal?: AbortSignal;
}

/** Asks every other replica. Rejects only with the reason of the signal. */
export type Gather = <T>(question: ReplicaQuestion<T>) => Promise<Gathered<T>>;

/** How long another replica is waited for unless the question says it; milliseconds. */
export const gatherLimit = 2_000;

/** Makes the function. */
export function createGather(o: { readonly others: () => readonly Replica[]; readonly ask: AskReplica }): Gather {
  const never = new AbortController().signal;
  return async ({ path, body, read, limitMs = gatherLimit, signal = never }) => {
    const asked = o.others().map(async (to) => {
      try {
        const value = read(await o.ask(to, path, body(to), limitMs, signal));
        return { replica: to.replica, address: to.address, value };
      } catch (error) {
        signal.throwIfAborted();
        return `${to.address} ${messageOf(error)}`;
      }
    });
    const all = await Promise.all(asked);
    return {
      answers: all.filter((answer) => typeof answer !== "string"),
      silent: all.filter((answer) => typeof answer === "string"),
    };
  };
}
