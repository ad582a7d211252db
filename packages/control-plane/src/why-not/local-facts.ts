/** What only this control plane knows of an instance's way to its traffic: what the proxies that are connected here hold, and what was refused here. */
import { instanceKey } from "@legation/contract";
import { type StreamStatus, TypeUrl } from "@legation/xds";
import type { Commanded } from "../channel/commander.js";
import type { RefusedContent } from "../quarantine/refused-content.js";
import { quarantineText } from "../quarantine/words.js";
import type { AgentRefusal, RefusedAgents } from "./refused-agents.js";

/** The path by which control planes ask each other. */
export const factsPath = "/v1/agents/why-not";

/** Proxies that are named at most. */
const behindNamed = 100;

/** What one control plane knows. */
export interface LocalFacts {
  /** Proxies that take the endpoints of the service. */
  readonly subscribers: number;
  /** Those of them that have not acknowledged what they were sent, each with why. */
  readonly behind: readonly string[];
  /** What they refused of the service, in words. */
  readonly held: readonly string[];
  readonly refusal: AgentRefusal | null;
}

/** Makes the function that looks. */
export function createLocalFacts(o: {
  readonly streams: () => readonly StreamStatus[];
  readonly quarantined: () => readonly RefusedContent[];
  readonly refused: Pick<RefusedAgents, "of">;
}): (instance: Commanded) => LocalFacts {
  return ({ node, id, service }) => {
    const key = instanceKey(node, id);
    const behind: string[] = [];
    let subscribers = 0;
    for (const stream of o.streams()) {
      const says = stream.types.flatMap((type) => (isEndpoints(type.typeUrl) && type.sent.has(service) ? type : []));
      if (says.length === 0) continue;
      subscribers++;
      for (const { sent, acknowledged, rejected, outstandingSince } of says) {
        const refusal = rejected.find(({ name }) => name === service);
        if (refusal) behind.push(`${stream.node} (refused it: ${refusal.message})`);
        else if (acknowledged.get(service) !== sent.get(service))
          behind.push(`${stream.node} (silent since ${new Date(outstandingSince ?? stream.openedAt).toISOString()})`);
      }
    }
    const held = o.quarantined().filter((content) => content.service === service);
    return { subscribers, behind: behind.slice(0, behindNamed), held: held.map(quarantineText), refusal: o.refused.of(key) ?? null };
  };
}

function isEndpoints(typeUrl: string): boolean {
  return typeUrl === TypeUrl.endpoint;
}
