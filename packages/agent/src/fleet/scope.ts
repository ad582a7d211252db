/** Whose doing it is: everything that a member starts, and what follows from that, knows the member it came from. */
import { AsyncLocalStorage } from "node:async_hooks";

/** See the file's sentence. */
export interface Scopes {
  /** Runs `work` as the doing of the member with this id. */
  within<T>(id: string, work: () => T): T;
  /** Whose doing the running code is; undefined for what all share. */
  readonly current: string | undefined;
}

/** Makes the scopes of one fleet. */
export function createScopes(): Scopes {
  const ids = new AsyncLocalStorage<string>();
  return {
    within: (id, work) => ids.run(id, work),
    get current() {
      return ids.getStore();
    },
  };
}
