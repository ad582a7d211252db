/** What agents said and control planes refused: kept by instance, so that one whose token is wrong is not just unheard of. */
import { instanceKey } from "@legation/contract";
import type { Clock } from "@legation/runtime";
import type { AgentClaim } from "../security/right.js";

/** Instances that are kept at most; the oldest goes first. */
export const refusalsKept = 1_000;

/** What is older says nothing of now; milliseconds. An agent that is refused comes again within 10 s. */
export const refusalAge = 60_000;

/** One refusal. */
export interface AgentRefusal {
  /** What the agent was answered. */
  readonly detail: string;
  /** RFC 3339. */
  readonly at: string;
}

/** The refusals at this control plane. */
export interface RefusedAgents {
  add(claim: Pick<AgentClaim, "node" | "id">, detail: string): void;
  /** The last one of an instance, by its key; undefined where there was none lately. */
  of(instance: string): AgentRefusal | undefined;
}

/** Makes an empty collection. */
export function createRefusedAgents(clock: Clock): RefusedAgents {
  const refusals = new Map<string, { readonly detail: string; readonly at: number }>();
  const isRecent = ({ at }: { readonly at: number }): boolean => clock.now() - at <= refusalAge;
  return {
    add({ node, id }, detail) {
      const key = instanceKey(node, id);
      refusals.delete(key);
      refusals.set(key, { detail: detail.slice(0, 1_000), at: clock.now() });
      for (const [oldest, refusal] of refusals) {
        if (refusals.size <= refusalsKept && isRecent(refusal)) break;
        refusals.delete(oldest);
      }
    },
    of(instance) {
      const found = refusals.get(instance);
      return found && isRecent(found) ? { detail: found.detail, at: new Date(found.at).toISOString() } : undefined;
    },
  };
}
