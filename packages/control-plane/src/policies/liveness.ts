/** How far a bundle has come: which proxies have taken what it changed, at this replica and at all others. */

import type { Liveness, QuarantineView } from "@legation/contract/api";
import type { StreamStatus } from "@legation/xds";
import { distinct } from "../quarantine/mesh-quarantine.js";
import type { AskReplica } from "../replicas/ask-replica.js";
import type { Replica } from "../replicas/directory.js";
import type { PolicyStatus } from "./live.js";

/** The path by which replicas ask each other. */
export const livenessPath = "/api/policies/live";

/** Laggards named at most. */
const named = 20;
/** How long another replica is waited for; milliseconds. */
const askLimit = 2_000;

/** Says how far a bundle has come. `relayed`: another replica asks, and wants to hear of this one alone. */
export type AskedLiveness = (bundle: string, relayed: boolean, signal: AbortSignal) => Promise<Liveness>;

/** Makes the function. `pending` counts the services that wait to be compiled. */
export function createLiveness(o: {
  readonly status: () => PolicyStatus;
  readonly streams: () => readonly StreamStatus[];
  readonly pending: () => number;
  readonly quarantined: () => readonly QuarantineView[];
  readonly others: () => readonly Replica[];
  readonly ask: AskReplica;
  readonly address: () => string;
}): AskedLiveness {
  function own(bundle: string): Liveness {
    const { bundle: taken, problem } = o.status();
    const inForce = taken?.id === bundle && o.pending() === 0;
    // Of several streams of one node the newest counts.
    const nodes = new Map(o.streams().map((stream) => [stream.node, stream]));
    const late = [...nodes].filter(([, stream]) => !inForce || !isSettled(stream)).map(([node]) => node);
    return {
      proxies: nodes.size,
      live: nodes.size - late.length,
      laggards: late.slice(0, named),
      replicas: 1,
      inForce: inForce ? 1 : 0,
      silent: [],
      quarantined: o.quarantined().slice(0, named),
      refused: !inForce && problem?.bundle === bundle ? [`${o.address()}: ${problem.message}`] : [],
    };
  }

  return async (bundle, relayed, signal) => {
    const mine = own(bundle);
    if (relayed) return mine;
    const asked = o.others().map(async (replica) => {
      const { address } = replica;
      try {
        const answer = await o.ask(replica, livenessPath, { bundle, relayed: true }, askLimit, signal);
        return isLiveness(answer) ? answer : `${address} answered with something else`;
      } catch (error) {
        signal.throwIfAborted();
        return `${address} ${error instanceof Error ? error.message : String(error)}`;
      }
    });
    const answers = await Promise.all(asked);
    const all = [mine, ...answers.filter((answer): answer is Liveness => typeof answer !== "string")];
    const sum = (count: (one: Liveness) => number) => all.reduce((total, one) => total + count(one), 0);
    return {
      proxies: sum(({ proxies }) => proxies),
      live: sum(({ live }) => live),
      laggards: all.flatMap(({ laggards }) => laggards).slice(0, named),
      replicas: all.length,
      inForce: sum(({ inForce }) => inForce),
      silent: answers.filter((answer): answer is string => typeof answer === "string"),
      refused: all.flatMap(({ refused }) => refused),
      quarantined: distinct(all.flatMap(({ quarantined = [] }) => quarantined)).slice(0, named),
    };
  };
}

/** True when the proxy has answered all that it was sent, and refused none of it. */
function isSettled({ ready, types }: StreamStatus): boolean {
  return ready && types.every(({ outstandingSince, rejected }) => outstandingSince === undefined && rejected.length === 0);
}

function isLiveness(value: unknown): value is Liveness {
  return typeof value === "object" && value !== null && "live" in value && "refused" in value && "inForce" in value;
}
