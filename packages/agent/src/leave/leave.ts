/** The whole stop order of DRAIN.md, from the signal to the exit code. */
import { describeExit, type Exit } from "../process/running.js";
import type { Steps } from "./step.js";

/** What leaving needs. */
export interface LeaveParts {
  /** Steps 1 to 4; ends a drain under way where there is nothing to drain any more. */
  readonly drain: () => Promise<void>;
  /** Accepts no connection any more, and waits for what came in between; resolves to what became of it, in words. */
  readonly closeInbound?: () => Promise<string>;
  /** Ends the service's process group; undefined when there is none. */
  readonly endService: () => Promise<{ readonly exit: Exit; readonly killed: boolean } | undefined>;
  /** Takes the instance out of Consul and verifies; resolves to what became of it, in words. */
  readonly deregister?: () => Promise<string>;
  readonly stopEnvoy?: () => Promise<void>;
}

/** Leaves. Resolves to the exit code for the agent: the service's own, 0 when it ended by the SIGTERM it was sent, 137 when it had to be killed. */
export async function leave(parts: LeaveParts, steps: Steps): Promise<number> {
  const { closeInbound, deregister, stopEnvoy } = parts;
  await parts.drain();
  // A refused connection is tried elsewhere by every caller; a request that meets a service which closes its connections is not.
  if (closeInbound) await steps.run("4b", "new connections are refused", closeInbound);
  let code = 0;
  await steps.run("5", "end the service", async () => {
    const ended = await parts.endService();
    if (!ended) return "no process of ours is running";
    code = exitCode(ended.exit, ended.killed);
    return ended.killed ? "killed: it had not ended on SIGTERM in time" : describeExit(ended.exit);
  });
  if (deregister) await steps.run("6", "deregister from Consul", deregister);
  if (stopEnvoy)
    await steps.run("7", "stop Envoy", async () => {
      await stopEnvoy();
      return "stopped";
    });
  return code;
}

/** The agent's exit code for how the service ended. */
export function exitCode(exit: Exit, killed: boolean): number {
  if (killed || exit.signal === "SIGKILL") return 137;
  if (exit.code !== undefined) return exit.code;
  return 0;
}
