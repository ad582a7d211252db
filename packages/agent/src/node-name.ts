/** The name of Consul's node, the first half of the instance's identity: asked of Consul, remembered for when Consul is down. */
import type { Clock, Logger } from "@legation/runtime";
import type { ConsulAgent } from "./registrar/consul-agent.js";
import type { StateDir } from "./state-dir.js";

/** What learning the name needs. */
export interface NodeNameOptions {
  readonly consul: Pick<ConsulAgent, "nodeName">;
  readonly stateDir: Pick<StateDir, "kept" | "keep">;
  /** A remembered name is used at once and checked afterwards: an adopted service must not wait. */
  readonly hasty: boolean;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Consul does not tell, and nothing is remembered. */
  readonly onWait: (reason: string) => void;
}

const retryMs = 1_000;

/** Resolves to the name. Without a remembered one it waits for Consul, for ever; rejects with the signal's reason when that aborts. */
export async function learnNodeName(options: NodeNameOptions): Promise<string> {
  const { consul, stateDir, hasty, clock, log, signal, onWait } = options;
  const remembered = stateDir.kept.node;
  if (remembered !== undefined && hasty) {
    void confirm(options, remembered);
    return remembered;
  }
  for (let first = true; ; first = false) {
    try {
      const node = await consul.nodeName();
      stateDir.keep({ node });
      return node;
    } catch (error) {
      const problem = (error as Error).message;
      if (first) log.warn({ event: "consul.lost", problem }, problem);
      if (remembered !== undefined) {
        void confirm(options, remembered);
        return remembered;
      }
      onWait(problem);
      await clock.sleep(retryMs, signal);
    }
  }
}

async function confirm({ consul, stateDir, clock, log, signal }: NodeNameOptions, used: string): Promise<void> {
  while (!signal.aborted) {
    try {
      const node = await consul.nodeName();
      stateDir.keep({ node });
      if (node !== used)
        log.error(
          { event: "agent.node-changed", used, node },
          `Consul's node is now ${node}, Envoy runs as ${used}: restart the agent to apply it`,
        );
      return;
    } catch {
      await clock.sleep(retryMs * 5, signal).catch(() => undefined);
    }
  }
}
