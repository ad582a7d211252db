/** An instance leaves: the stop order of DRAIN.md over its parts. */
import { endLeftEnvoy } from "./envoy/setup.js";
import { type Instance, isNamed } from "./instance.js";
import { leave } from "./leave/leave.js";
import { createSteps } from "./leave/step.js";
import { farewellText } from "./registrar/deregister.js";
import type { Traffic } from "./traffic.js";

const deregisterMs = 5_000;
const envoyStopMs = 5_000;

/** Leaves and resolves to the exit code. `hurry` cuts every wait short. */
export async function depart(instance: Instance, traffic: Traffic, cause: string, hurry: AbortSignal): Promise<number> {
  const { supervisor, health, registrar, envoy, config, stateDir, clock, log } = instance;
  const parts = traffic.parts();
  const reachable = config.values.discovery ? isNamed(instance) : health.level !== "UNKNOWN";
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
      ...(registrar ? { deregister: async () => farewellText(await registrar.leave(deregisterMs, hurry)) } : {}),
      ...(config.values.envoy.enabled
        ? { stopEnvoy: () => envoy?.runner.stop(envoyStopMs, hurry) ?? endLeftEnvoy(stateDir.file, envoyStopMs, clock) }
        : {}),
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
