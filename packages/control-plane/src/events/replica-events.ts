/** Control planes that come and go, as each of the others sees it in Consul. */
import type { Replica } from "../replicas/directory.js";
import type { Teller } from "./events.js";

/** Makes the function that takes who the others are now. Those that it is shown first were there before. */
export function createReplicaEvents(events: Teller): (others: readonly Replica[]) => void {
  let known: ReadonlyMap<string, Replica> | undefined;
  return (others) => {
    const before = known;
    known = new Map(others.map((each) => [each.replica, each]));
    for (const { replica: name, address } of others)
      if (!before?.has(name))
        (before ? events.tell : events.settle)({
          ...{ type: "replica.joined", text: `the control plane ${address} has joined` },
          details: { name, address },
        });
    for (const { replica: name, address } of before?.values() ?? [])
      if (!known.has(name))
        events.tell({
          type: "replica.left",
          severity: "warning",
          text: `the control plane ${address} has left`,
          details: { name, address },
        });
  };
}
