/** From the instance to what its API does with its traffic. */
import type { Instance } from "../instance.js";
import type { Traffic } from "../traffic.js";
import type { AdminParts } from "./routes.js";

const cause = "asked over the API";
/** Beyond the limit for the acknowledgements themselves: Envoy starts afresh, and Consul is told. Milliseconds. */
const backMs = 15_000;

/** Whether an orchestrator may go on: the instance serves, and the callers' proxies have it (or had their time). */
export function readinessOf({ supervisor, callers, stateDir }: Instance): { readonly ready: boolean; readonly reason: string } {
  const { maintenance } = stateDir.kept;
  if (maintenance !== undefined) return { ready: false, reason: `in maintenance: ${maintenance}` };
  const { phase, outcome } = callers?.state ?? { phase: "out", outcome: "the agent starts" };
  if (phase === "known") return { ready: true, reason: outcome };
  return { ready: false, reason: phase === "asking" ? outcome : `${supervisor.state.phase}: ${supervisor.state.reason}` };
}

/** The part of the API that takes an instance out of traffic and puts it back. `stopping` ends every wait. */
export function trafficParts(
  instance: Instance,
  traffic: Traffic,
  stopping: AbortSignal,
): Pick<AdminParts, "drain" | "undrain" | "restart" | "maintain" | "endMaintenance"> {
  const { supervisor, clock, config } = instance;

  /** Until the callers have it again, where it is about to serve at all. */
  const back = async (): Promise<string> => {
    const { state } = supervisor;
    if (state.drained) return "it stays drained until it is undrained";
    if (state.phase !== "running") return `it serves as soon as it is healthy; it is ${state.phase} now: ${state.reason}`;
    const limit = new AbortController();
    const timer = clock.timeout(config.values.drain.acknowledge + backMs, () =>
      limit.abort(new Error("in service, and not yet acknowledged")),
    );
    try {
      return (await instance.callers?.known(AbortSignal.any([limit.signal, stopping])))?.outcome ?? "in service";
    } catch (error) {
      return (error as Error).message;
    } finally {
      timer.cancel();
    }
  };

  return {
    drain: () => traffic.drain(cause),
    async undrain() {
      await traffic.undrain(cause);
      return await back();
    },
    restart: (force) => traffic.restart(cause, force),
    maintain: (reason) => traffic.maintain(reason),
    async endMaintenance() {
      await traffic.endMaintenance(cause);
      return await back();
    },
  };
}
