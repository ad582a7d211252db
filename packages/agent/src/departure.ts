/** An instance leaves: the stop order of DRAIN.md over its parts. */
import { createInFlight } from "./envoy/in-flight.js";
import { endLeftEnvoy } from "./envoy/setup.js";
import { type Instance, isNamed } from "./instance.js";
import { untilIdle } from "./leave/drain.js";
import { leave } from "./leave/leave.js";
import { farewellText } from "./registrar/deregister.js";
import { deregisterMs } from "./registrar/pace.js";
import type { Traffic } from "./traffic.js";

const envoyStopMs = 5_000;

/** Leaves and resolves to the exit code; a drain under way is gone on with. `hurry` cuts every wait short. */
export async function depart(instance: Instance, traffic: Traffic, cause: string, hurry: AbortSignal): Promise<number> {
  const { supervisor, health, registrar, envoy, config, stateDir, clock } = instance;
  const reachable = config.values.discovery ? isNamed(instance) : health.level !== "UNKNOWN";
  supervisor.dispatch({ kind: "stop", cause });
  const steps = traffic.leaveSteps();
  const code = await leave(
    {
      drain: () => traffic.leave(reachable && supervisor.alive),
      ...(envoy?.runner.state.phase === "live"
        ? {
            closeInbound: async () => {
              await envoy.admin.closeInbound();
              const waited = steps.reports.find(({ step }) => step === "4")?.ms ?? 0;
              return untilIdle(createInFlight(envoy), Math.max(0, config.values.drain.limit - waited), clock, hurry);
            },
          }
        : {}),
      endService: () => {
        health.pause();
        return supervisor.end(hurry);
      },
      ...(registrar ? { deregister: async () => farewellText(await registrar.leave(deregisterMs, hurry)) } : {}),
      ...(config.values.envoy.enabled
        ? { stopEnvoy: () => envoy?.runner.stop(envoyStopMs, hurry) ?? endLeftEnvoy(stateDir.file, envoyStopMs, clock) }
        : {}),
    },
    steps,
  );
  supervisor.dispatch({ kind: "stopped", cause: `left with code ${code}` });
  await instance.channel?.stop();
  stateDir.keep({ envoyDrained: false, healthy: false });
  stateDir.removeReady();
  return code;
}
