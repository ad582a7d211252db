/** Taking an instance out of traffic and putting it back: drain, undrain, and a restart between the two. */
import type { LeavingReply } from "@legation/contract";
import { type Instance, isNamed, isServing } from "./instance.js";
import { type DrainLimits, type DrainParts, drain } from "./leave/drain.js";
import { createSteps, type StepReport } from "./leave/step.js";
import { mayRestart, type RestartPolicy } from "./supervisor/state.js";

/** See the file's sentence. */
export interface Traffic {
  readonly limits: DrainLimits;
  /** What a drain has to speak to at this moment. */
  parts(): DrainParts;
  /** Steps 1 to 4 of the stop order; joins a drain under way. The instance stays drained until `undrain`, over restarts too. */
  drain(cause: string): Promise<readonly StepReport[]>;
  /** Back into service; cuts a drain under way short. */
  undrain(cause: string): Promise<void>;
  /** Drains where the instance serves, restarts the process, and undrains once it is healthy; joins a restart under way. Returns why not, or undefined. */
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
  /** An operator wants it drained, whatever is restarted meanwhile. */
  let held = false;
  let restarting = false;
  let draining: { readonly cut: AbortController; readonly done: Promise<readonly StepReport[]> } | undefined;

  const parts = (): DrainParts => {
    const { registrar, channel, envoy } = instance;
    const named = isNamed(instance);
    return {
      ...(registrar && named ? { maintenance: () => registrar.drain(true) } : {}),
      ...(channel && named ? { notice: (): Promise<LeavingReply> => channel.leaving(noticeMs) } : {}),
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

  const stopping = (): boolean => supervisor.state.goal === "stop";

  const takeOut = (cause: string): Promise<readonly StepReport[]> => {
    if (draining) return draining.done;
    const ready = parts();
    const steps = createSteps(clock, log);
    instance.steps = steps;
    const cut = new AbortController();
    const done = drain(ready, limits, steps, clock, AbortSignal.any([hurry, cut.signal])).then(() => {
      draining = undefined;
      return steps.reports;
    });
    draining = { cut, done };
    supervisor.dispatch({ kind: "drain", cause });
    return done;
  };

  const restartNow = async (cause: string, force: boolean): Promise<void> => {
    if (draining || isServing(instance)) await takeOut(cause);
    if (stopping()) return;
    supervisor.restart(cause, force);
    await traffic.freshEnvoy();
  };

  const traffic: Traffic = {
    limits,
    parts,
    async drain(cause) {
      held = true;
      return await takeOut(cause);
    },
    async undrain(cause) {
      held = false;
      // What is under way would drain Envoy after it was made fresh.
      draining?.cut.abort();
      await draining?.done;
      if (stopping()) return;
      await traffic.freshEnvoy();
      await instance.registrar
        ?.drain(false)
        .catch(({ message }: Error) => log.warn({ event: "service.undrain-late", problem: message }, `Consul is told later: ${message}`));
      supervisor.dispatch({ kind: "undrain", cause });
    },
    restart(cause, force) {
      const problem = mayRestart(supervisor.state, policy, force);
      if (problem !== undefined || restarting || supervisor.state.goal === "restart") return problem;
      restarting = true;
      restartNow(cause, force)
        .catch(({ message }: Error) => log.error({ event: "service.restart-failed", problem: message }, message))
        .finally(() => {
          restarting = false;
        });
      return undefined;
    },
    healthyAgain() {
      if (held || draining || stopping()) return;
      traffic.undrain("the restart is over").catch((error: Error) => log.error({ event: "service.undrain-failed" }, error.message));
    },
    async freshEnvoy() {
      if (!stateDir.kept.envoyDrained || stopping()) return;
      stateDir.keep({ envoyDrained: false });
      await instance.envoy?.runner.restart("its inbound connections had been drained");
    },
  };
  return traffic;
}
