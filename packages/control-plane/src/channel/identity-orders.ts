/** Which mode holds, told to the agents that listen here: when they begin to, and at every change. */
import type { IdentityMode, IdentityOrder } from "@legation/contract";

/** The agents that are told. */
export interface IdentityOrders {
  /** Tells the mode of a service now, if it is known, and whenever it changes. Returns what to call when nobody listens any more. */
  follow(service: string, tell: (order: IdentityOrder) => void): () => void;
  /** Modes may have changed: tells those for whom another one holds than they were told. */
  changed(): void;
}

/** Makes it. `mode` is undefined while it is not known: nobody is told anything then. */
export function createIdentityOrders(mode: (service: string) => IdentityMode | undefined): IdentityOrders {
  const listeners = new Set<() => void>();
  return {
    follow(service, tell) {
      let told: IdentityMode | undefined;
      const look = () => {
        const now = mode(service);
        if (now === undefined || now === told) return;
        told = now;
        tell({ kind: "identity", mode: now });
      };
      listeners.add(look);
      look();
      return () => listeners.delete(look);
    },
    changed() {
      for (const look of listeners) look();
    },
  };
}
