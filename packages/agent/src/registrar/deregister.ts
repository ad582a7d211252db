/** The last step of a registration: taken away and verified, unless it is another agent's. */
import type { Registration } from "@legation/consul";
import type { Backoff, Clock } from "@legation/runtime";
import type { ConsulAgent } from "./consul-agent.js";
import { type Ownership, ownerKey, ownershipOf } from "./ownership.js";

/** What became of it. */
export type Farewell =
  | { readonly kind: "gone" }
  /** Another living agent has the id now; nothing was touched. */
  | { readonly kind: "foreign"; readonly owner: string; readonly address: string }
  | { readonly kind: "unverified" };

/** What is needed. Times in milliseconds. */
export interface DeregisterOptions {
  readonly consul: ConsulAgent;
  /** Our own registration. */
  readonly mine: Registration;
  readonly limitMs: number;
  /** When it aborts, half a second is left. */
  readonly hurry?: AbortSignal;
  readonly clock: Clock;
  /** Between one attempt and the next. */
  readonly backoff: Backoff;
  readonly onProblem: (problem: string) => void;
}

const hurriedMs = 500;

/** Whose registration stands under our id in Consul now. */
export async function lookUp(consul: ConsulAgent, mine: Registration): Promise<Ownership> {
  const existing = await consul.service(mine.ID);
  const owner = existing?.Meta?.[ownerKey];
  const strange = existing && owner !== undefined && owner !== mine.Meta?.[ownerKey];
  return ownershipOf(existing, strange ? await consul.checks(mine.ID) : [], mine);
}

/** Takes our registration away and looks whether it is gone, trying again for `limitMs`. Never rejects. */
export async function deregister(options: DeregisterOptions): Promise<Farewell> {
  const { consul, mine, limitMs, hurry, clock, backoff, onProblem } = options;
  const over = new AbortController();
  const timers = [clock.timeout(limitMs, () => over.abort())];
  const hasten = (): void => void timers.push(clock.timeout(hurriedMs, () => over.abort()));
  if (hurry?.aborted) hasten();
  else hurry?.addEventListener("abort", hasten, { once: true });
  const late = new Promise<Farewell>((resolve) => {
    over.signal.addEventListener("abort", () => resolve({ kind: "unverified" }), { once: true });
  });
  const tries = async (): Promise<Farewell> => {
    while (!over.signal.aborted) {
      try {
        const before = await lookUp(consul, mine);
        if (before.kind === "foreign") return before;
        if (before.kind === "absent") return { kind: "gone" };
        await consul.deregister(mine.ID);
        if ((await consul.service(mine.ID)) === undefined) return { kind: "gone" };
      } catch (error) {
        onProblem((error as Error).message);
      }
      await clock.sleep(backoff.next(), over.signal).catch(() => undefined);
    }
    return { kind: "unverified" };
  };
  try {
    return await Promise.race([tries(), late]);
  } finally {
    hurry?.removeEventListener("abort", hasten);
    for (const timer of timers) timer.cancel();
    over.abort();
  }
}

/** In words, for the log of the stop order. */
export function farewellText(farewell: Farewell): string {
  switch (farewell.kind) {
    case "gone":
      return "gone, verified";
    case "foreign":
      return `left alone: the agent on ${farewell.owner} (${farewell.address}) holds this id`;
    case "unverified":
      return "could not be verified: Consul removes it when the heartbeat has lapsed";
  }
}
