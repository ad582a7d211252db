/** What is under way in an Envoy, and in the one that has handed over to it for as long as that lives. */
import type { EnvoyAdmin } from "./admin.js";

/** Envoy, as far as it is needed. */
export interface CountedEnvoy {
  readonly admin: Pick<EnvoyAdmin, "inFlight" | "flushed">;
  readonly runner: { readonly hasParent: boolean };
}

/** The count for one wait. */
export interface InFlight {
  /** Requests and connections under way; at least 1 while it is not known what the Envoy before still has. Rejects when Envoy does not answer. */
  inFlight(): Promise<number>;
}

/**
 * Begins to count. An Envoy that has taken over adds the figures of the one before to its own whenever it flushes its figures, every 5 s: only
 * after such a flush within this wait can a 0 be believed.
 */
export function createInFlight({ admin, runner }: CountedEnvoy): InFlight {
  let first: number | undefined;
  let merged = false;
  return {
    async inFlight() {
      if (runner.hasParent && !merged) {
        const flushed = await admin.flushed();
        first ??= flushed;
        merged = flushed !== first;
      }
      const count = await admin.inFlight();
      return runner.hasParent && !merged ? Math.max(1, count) : count;
    },
  };
}
