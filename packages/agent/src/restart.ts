/** One restart of the service's process with nothing lost: drained before, and followed until the callers have the instance again. */
import { LegationError } from "@legation/runtime";
import type { Instance } from "./instance.js";
import { mayRestart, type RestartPolicy } from "./supervisor/state.js";

/** Why there is no restart, or its end: in words what became of it. Rejects with a LegationError when the service does not come back. */
export type RestartAnswer = { readonly problem: string } | { readonly done: Promise<string> };

/** What a restart needs. */
export interface RestartParts {
  readonly instance: Instance;
  readonly policy: RestartPolicy;
  /** True while the instance is to stay out of traffic afterwards. */
  readonly held: () => boolean;
  /** Takes the instance out of traffic where it serves; false when that was called off. */
  readonly drain: (cause: string) => Promise<boolean>;
  readonly freshEnvoy: () => Promise<void>;
}

const pollMs = 50;

/** Creates the function that asks for a restart; while one is under way, asking again joins it. */
export function createRestart({
  instance,
  policy,
  held,
  drain,
  freshEnvoy,
}: RestartParts): (cause: string, force: boolean) => RestartAnswer {
  const { supervisor, clock, log } = instance;
  let underWay: Promise<string> | undefined;

  const checkStopping = (): void => {
    if (supervisor.state.goal === "stop") throw new LegationError("restart.stopping", "the service is being stopped");
  };

  const restart = async (cause: string, force: boolean): Promise<string> => {
    if (!(await drain(cause)))
      throw new LegationError("restart.called-off", "the instance was put back into service before it was restarted");
    checkStopping();
    const before = supervisor.state.restarts;
    const problem = supervisor.restart(cause, force);
    if (problem !== undefined) throw new LegationError("restart.refused", problem);
    await freshEnvoy();
    for (;;) {
      checkStopping();
      const { phase, goal, restarts, lastError, reason } = supervisor.state;
      const fresh = restarts > before && goal === "run";
      if (fresh && phase === "failed")
        throw new LegationError("restart.failed", `the service did not come back: ${lastError ?? reason}. Start it again with --force`);
      if (fresh && phase === "running" && instance.callers?.state.phase === "known") return `restarted; ${instance.callers.state.outcome}`;
      if (fresh && phase === "draining" && held()) return "restarted; it stays out of service until it is undrained";
      await clock.sleep(pollMs);
    }
  };

  return (cause, force) => {
    const problem = mayRestart(supervisor.state, policy, force);
    if (problem !== undefined) return { problem };
    const { phase, reason } = supervisor.state;
    if (phase === "pending" || phase === "waiting") return { problem: `the service has not been started yet, it waits: ${reason}` };
    if (!underWay) {
      underWay = restart(cause, force).finally(() => {
        underWay = undefined;
      });
      underWay.catch(({ message }: Error) => log.error({ event: "service.restart-failed", problem: message }, message));
    }
    return { done: underWay };
  };
}
