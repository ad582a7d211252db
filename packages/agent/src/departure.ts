/** An instance leaves: the stop order of DRAIN.md over its parts. */
import type { Instance } from "./instance.js";
import { leave } from "./leave/leave.js";
import { createSteps } from "./leave/step.js";
import type { Traffic } from "./traffic.js";

const deregisterMs = 5_000;
const hurriedMs = 500;
const envoyStopMs = 5_000;

/** Leaves and resolves to the exit code. `hurry` cuts every wait short. */
export async function depart(instance: Instance, traffic: Traffic, cause: string, hurry: AbortSignal): Promise<number> {
  const { supervisor, health, registrar, envoy, config, stateDir, clock, log } = instance;
  const parts = traffic.parts();
  const reachable = config.values.discovery ? (registrar?.state.registered ?? false) : health.level !== "UNKNOWN";
  supervisor.dispatch({ kind: "stop", cause });
  instance.steps = createSteps(clock, log);
  const code = await leave(
    {
      ...parts,
      serving: reachable && supervisor.alive,
      endService: () => {
        health.pause();
        return supervisor.end(hurry);
      },
      ...(registrar ? { deregister: () => registrar.leave(hurry.aborted ? hurriedMs : deregisterMs) } : {}),
      ...(envoy ? { stopEnvoy: () => envoy.runner.stop(envoyStopMs) } : {}),
    },
    traffic.limits,
    instance.steps,
    clock,
    hurry,
  );
  supervisor.dispatch({ kind: "stopped", cause: `left with code ${code}` });
  await instance.channel?.stop();
  stateDir.keep({ envoyDrained: false, healthy: false });
  stateDir.removeReady();
  return code;
}
