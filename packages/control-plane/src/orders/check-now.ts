/** Checks that look now: the agents of many instances are asked at once, each by the control plane that it listens to. */

import { randomUUID } from "node:crypto";
import { type CommandResult, instanceKey } from "@legation/contract";
import { type Clock, messageOf } from "@legation/runtime";
import type { Commanded, Commander } from "../channel/commander.js";
import type { CommandDirectory } from "../channel/commands.js";
import type { Gather } from "../replicas/gather.js";

/** The path by which control planes ask each other. */
export const checkNowPath = "/v1/agents/check-now";

/** Agents that one control plane asks at one time. */
const atOnce = 200;

/** What another replica needs to pass its answers back; milliseconds. */
const wayMs = 500;

/** What one control plane asks another: which of these instances' agents listen there, and what their checks find. */
export interface RelayedChecks {
  readonly instances: readonly Commanded[];
  readonly limitMs: number;
}

/** What became of it, by instance key; an instance is absent whose agent does not listen there, and null is one that was not answered in time. */
export type CheckResults = Readonly<Record<string, CommandResult | null>>;

/** See the file's sentence. */
export interface CheckNow {
  /** Asks the agents of these instances, wherever they listen. Resolves within `limitMs` and a little more; `silent` are control planes, each with the reason. */
  ask(
    instances: readonly Commanded[],
    limitMs: number,
    signal: AbortSignal,
  ): Promise<{ readonly results: CheckResults; readonly silent: readonly string[] }>;
  /** What another control plane asks: for agents that listen here. */
  relayed(asked: RelayedChecks, signal: AbortSignal): Promise<CheckResults>;
}

/** Makes it. */
export function createCheckNow(o: {
  readonly commander: Pick<Commander, "relayed">;
  readonly commands: Pick<CommandDirectory, "instances">;
  readonly gather: Gather;
  readonly clock: Pick<Clock, "monotonic">;
}): CheckNow {
  async function here({ instances, limitMs }: RelayedChecks, signal: AbortSignal): Promise<CheckResults> {
    const listening = new Set(o.commands.instances());
    const mine = instances.filter(({ node, id }) => listening.has(instanceKey(node, id)));
    const results: Record<string, CommandResult | null> = {};
    const queue = mine.values();
    const end = o.clock.monotonic() + limitMs;
    const worker = async (): Promise<void> => {
      for (const { node, id, service } of queue) {
        signal.throwIfAborted();
        // Those before it have answered late, or not at all.
        const left = end - o.clock.monotonic();
        if (left < 1) {
          results[instanceKey(node, id)] = null;
          continue;
        }
        const asked = { relayed: true, node, id, service, command: randomUUID(), order: { kind: "check-now" }, limitMs: left } as const;
        const { held, result } = await o.commander
          .relayed(asked, signal)
          .catch((error: unknown) => ({ held: true, result: { ok: false, message: messageOf(error) } }));
        if (held) results[instanceKey(node, id)] = result;
      }
    };
    await Promise.all(Array.from({ length: Math.min(atOnce, mine.length) }, worker));
    return results;
  }

  return {
    async ask(instances, limitMs, signal) {
      const listening = new Set(o.commands.instances());
      const rest = instances.filter(({ node, id }) => !listening.has(instanceKey(node, id)));
      const [own, others] = await Promise.all([
        here({ instances, limitMs }, signal),
        rest.length === 0
          ? { answers: [], silent: [] }
          : o.gather({
              path: checkNowPath,
              body: () => ({ relayed: true, instances: rest, limitMs }),
              read: resultsOf,
              limitMs: limitMs + wayMs,
              signal,
            }),
      ]);
      return { results: Object.assign({}, ...others.answers.map(({ value }) => value), own) as CheckResults, silent: others.silent };
    },
    relayed: here,
  };
}

function resultsOf(answer: unknown): CheckResults {
  if (typeof answer !== "object" || answer === null || Array.isArray(answer)) throw new Error("answered with something else");
  return answer as CheckResults;
}
