/** Taking an instance out of traffic and putting it back: drain, undrain, and a restart between the two. */
import type { LeavingReply } from "@legation/contract";
import { type Instance, isServing } from "./instance.js";
import { type DrainLimits, type DrainParts, drain } from "./leave/drain.js";
import { createSteps, type StepReport } from "./leave/step.js";
import { mayRestart, type RestartPolicy } from "./supervisor/state.js";

/** See the file's sentence. */
export interface Traffic {
  readonly limits: DrainLimits;
  /** What a drain has to speak to at this moment. */
  parts(): DrainParts;
  /** Steps 1 to 4 of the stop order. */
  drain(cause: string): Promise<readonly StepReport[]>;
  /** Back into service. */
  undrain(cause: string): Promise<void>;
  /** Drains where the instance serves, restarts the process, and undrains once it is healthy. Returns why not, or undefined. */
  restart(cause: string, force: boolean): string | undefined;
  /** To be called when a drained service has become healthy: ends a restart's drain. */
  healthyAgain(): void;
  /** An Envoy that has drained its listeners cannot take that back: replaces it by a fresh one. */
  freshEnvoy(): Promise<void>;
}

const noticeMs = 1_000;

/** Creates the traffic control of an instance. `hurry` cuts its waits short. */
export function createTraffic(instance: Instance, policy: RestartPolicy, hurry: AbortSignal): Traffic {
  const { supervisor, stateDir, clock, log, config } = instance;
  const { wait, limit } = config.values.drain;
  const limits: DrainLimits = { wait, limit, outsiders: config.outsiders };
  let undrainWhenHealthy = false;

  const parts = (): DrainParts => {
    const { registrar, channel, envoy } = instance;
    const registered = registrar?.state.registered ?? false;
    return {
      ...(registrar && registered ? { maintenance: () => registrar.drain(true) } : {}),
      ...(channel && registered ? { notice: (): Promise<LeavingReply> => channel.leaving(noticeMs) } : {}),
      ...(envoy?.runner.state.phase === "live"
        ? {
            envoy: {
              inFlight: () => envoy.admin.inFlight(),
              drainInbound: () => {
                stateDir.keep({ envoyDrained: true });
                return envoy.admin.drainInbound();
              },
            },
          }
        : {}),
    };
  };

  const traffic: Traffic = {
    limits,
    parts,
    async drain(cause) {
      const ready = parts();
      supervisor.dispatch({ kind: "drain", cause });
      const steps = createSteps(clock, log);
      instance.steps = steps;
      await drain(ready, limits, steps, clock, hurry);
      return steps.reports;
    },
    async undrain(cause) {
      if (supervisor.state.goal === "stop") return;
      await traffic.freshEnvoy();
      await instance.registrar?.drain(false);
      supervisor.dispatch({ kind: "undrain", cause });
    },
    restart(cause, force) {
      const problem = mayRestart(supervisor.state, policy, force);
      if (problem !== undefined) return problem;
      void (async () => {
        const drainedBefore = supervisor.state.drained;
        if (isServing(instance)) await traffic.drain(cause);
        undrainWhenHealthy = !drainedBefore && supervisor.state.drained;
        supervisor.restart(cause, force);
        await traffic.freshEnvoy();
      })();
      return undefined;
    },
    healthyAgain() {
      if (!undrainWhenHealthy || supervisor.state.goal !== "run") return;
      undrainWhenHealthy = false;
      traffic.undrain("the restart is over").catch((error: Error) => log.error({ event: "service.undrain-failed" }, error.message));
    },
    async freshEnvoy() {
      if (!stateDir.kept.envoyDrained) return;
      stateDir.keep({ envoyDrained: false });
      await instance.envoy?.runner.restart("its inbound connections had been drained");
    },
  };
  return traffic;
}
