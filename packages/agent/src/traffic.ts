/** Taking an instance out of traffic and putting it back: drain, undrain, maintenance, and a restart between the two. */
import { LegationError } from "@legation/runtime";
import { createInFlight } from "./envoy/in-flight.js";
import { type Instance, isNamed, isServing } from "./instance.js";
import { type DrainLimits, type DrainParts, drain, untilIdle } from "./leave/drain.js";
import { createRenewal } from "./leave/renewal.js";
import { createSteps, type StepReport, type Steps } from "./leave/step.js";
import { createRestart, type RestartAnswer } from "./restart.js";
import type { RestartPolicy } from "./supervisor/state.js";

/** What a drain did. */
export interface Drained {
  readonly steps: readonly StepReport[];
  /** True when the instance had been drained before: nothing was done. */
  readonly already: boolean;
}

/** See the file's sentence. */
export interface Traffic {
  /** Steps 1 to 4 of the stop order; joins a drain under way. The instance stays drained until `undrain`, over restarts of its process too. */
  drain(cause: string): Promise<Drained>;
  /** Back into service; cuts a drain under way short. Throws LegationError "traffic.maintenance" when an operator holds it in maintenance. */
  undrain(cause: string): Promise<void>;
  /** Drains with a reason that survives this agent, and that only `endMaintenance` ends. */
  maintain(reason: string): Promise<Drained>;
  /** Ends the maintenance; the instance comes back unless it was drained besides. */
  endMaintenance(cause: string): Promise<void>;
  /** To be called when the registrar has been made, before it begins: goes on with the maintenance of an earlier agent. */
  keepMaintenance(): void;
  /** Drains where the instance serves, restarts the process, and undrains once it is healthy; joins a restart under way. */
  restart(cause: string, force: boolean): RestartAnswer;
  /** For the stop order: joins a drain under way, else drains for good; where nothing serves, only ends what is under way. */
  leave(serving: boolean): Promise<void>;
  /** To be called when a drained service has become healthy: ends a restart's drain. */
  healthyAgain(): void;
  /** An Envoy that has drained its listeners cannot take that back: replaces it by a fresh one, after the requests under way (`drain.limit`). */
  freshEnvoy(): Promise<void>;
  /** The steps to which the stop order adds its own. */
  leaveSteps(): Steps;
  /** Tells nobody anything any more. */
  close(): Promise<void>;
}

/** After the last acknowledgement: Envoy's workers follow its main thread; milliseconds. */
const settleMs = 250;
const liveMs = 10_000;
const livePollMs = 20;

/** Creates the traffic control of an instance. `hurry` cuts its waits short. */
export function createTraffic(instance: Instance, policy: RestartPolicy, hurry: AbortSignal): Traffic {
  const { supervisor, stateDir, clock, log, config } = instance;
  const { wait, limit, acknowledge } = config.values.drain;
  const limits = { wait, limit, acknowledge, settle: settleMs };
  /** Where mutual TLS is required there are none. */
  const outsiders = (): number => config.values.drain.outsiders ?? (instance.migration?.progress.tls === "required" ? 0 : config.outsiders);
  /** Somebody wants it drained, whatever is restarted meanwhile. */
  let drained = false;
  /** Every step has been gone through since it last served. */
  let out = stateDir.kept.maintenance !== undefined;
  let draining: { readonly cut: AbortController; readonly done: Promise<readonly StepReport[]> } | undefined;

  const held = (): boolean => drained || stateDir.kept.maintenance !== undefined;
  const stopping = (): boolean => supervisor.state.goal === "stop";

  const renewal = createRenewal(() => {
    const { channel } = instance;
    return channel && isNamed(instance) ? (limitMs, signal) => channel.route("out", limitMs, signal) : undefined;
  }, clock);

  const parts = (): DrainParts => {
    const { registrar, channel, envoy } = instance;
    const named = isNamed(instance);
    return {
      ...(registrar && named ? { maintenance: () => registrar.drain(true) } : {}),
      ...(channel && named ? { proof: (limitMs, signal) => channel.route("leaving", limitMs, signal) } : {}),
      ...(envoy?.runner.state.phase === "live"
        ? {
            envoy: {
              ...createInFlight(envoy),
              drainInbound: () => {
                stateDir.keep({ envoyDrained: true });
                return envoy.admin.drainInbound();
              },
            },
          }
        : {}),
    };
  };

  const takeOut = (cause: string, steps = createSteps(clock, log)): Promise<readonly StepReport[]> => {
    if (draining) return draining.done;
    instance.steps = steps;
    const cut = new AbortController();
    // Callers outside the mesh have had their time when it was drained before.
    const now: DrainLimits = { ...limits, outsiders: out ? 0 : outsiders() };
    const done = drain(parts(), now, steps, clock, AbortSignal.any([hurry, cut.signal])).then(() => {
      draining = undefined;
      out = !cut.signal.aborted;
      return steps.reports;
    });
    draining = { cut, done };
    renewal.begin();
    supervisor.dispatch({ kind: "drain", cause });
    return done;
  };

  const takeOutOnce = async (cause: string): Promise<Drained> => {
    if (out && !draining) {
      supervisor.dispatch({ kind: "drain", cause });
      return { steps: instance.steps.reports, already: true };
    }
    return { steps: await takeOut(cause), already: false };
  };

  const envoyLive = async (): Promise<void> => {
    const deadline = clock.monotonic() + liveMs;
    while (instance.envoy && instance.envoy.runner.state.phase !== "live" && !stopping() && clock.monotonic() < deadline)
      await clock.sleep(livePollMs);
  };

  const putBack = async (cause: string): Promise<void> => {
    // What is under way would drain Envoy after it was made fresh.
    draining?.cut.abort(new Error(cause));
    await draining?.done;
    if (stopping() || held()) return;
    await traffic.freshEnvoy();
    await envoyLive();
    await renewal.end();
    if (stopping() || held() || draining) return renewal.begin();
    out = false;
    await instance.registrar
      ?.drain(false)
      .catch(({ message }: Error) => log.warn({ event: "service.undrain-late", problem: message }, `Consul is told later: ${message}`));
    // A drain that was asked for meanwhile has the last word.
    if (stopping() || held() || draining) return;
    supervisor.dispatch({ kind: "undrain", cause });
  };

  const replaceEnvoy = async (): Promise<void> => {
    if (!stateDir.kept.envoyDrained || stopping()) return;
    stateDir.keep({ envoyDrained: false });
    await instance.envoy?.runner.restart("its inbound connections had been drained");
  };

  const restart = createRestart({
    instance,
    policy,
    held,
    drain: async (cause) => {
      if (!draining && !isServing(instance)) return true;
      await takeOut(cause);
      return out;
    },
    freshEnvoy: replaceEnvoy,
  });

  const traffic: Traffic = {
    async drain(cause) {
      drained = true;
      return await takeOutOnce(cause);
    },
    async undrain(cause) {
      const { maintenance } = stateDir.kept;
      if (maintenance !== undefined)
        throw new LegationError(
          "traffic.maintenance",
          `an operator holds the instance in maintenance (${maintenance}): end that with "legation maintenance off"`,
        );
      drained = false;
      await putBack(cause);
    },
    async maintain(reason) {
      stateDir.keep({ maintenance: reason, maintenanceEnded: false });
      instance.registrar?.maintain(reason);
      log.info({ event: "service.maintenance", reason }, `in maintenance: ${reason}`);
      return await takeOutOnce(`maintenance: ${reason}`);
    },
    async endMaintenance(cause) {
      stateDir.keep({ maintenance: undefined, maintenanceEnded: true });
      instance.registrar?.maintain(undefined);
      log.info({ event: "service.maintenance-over", cause }, "the maintenance is over");
      if (!drained) await putBack(cause);
    },
    keepMaintenance() {
      const { maintenance, maintenanceEnded } = stateDir.kept;
      if (maintenanceEnded) instance.registrar?.maintain(undefined);
      if (maintenance === undefined) return;
      instance.registrar?.maintain(maintenance);
      renewal.begin();
      supervisor.dispatch({ kind: "drain", cause: `maintenance: ${maintenance}` });
    },
    restart,
    async leave(serving) {
      if (!serving) draining?.cut.abort(new Error("the service is gone"));
      if (serving || draining) await takeOut("leaving", instance.steps);
    },
    leaveSteps() {
      if (!draining) instance.steps = createSteps(clock, log);
      return instance.steps;
    },
    healthyAgain() {
      if (held() || draining || stopping()) return;
      putBack("the restart is over").catch((error: Error) => log.error({ event: "service.undrain-failed" }, error.message));
    },
    async freshEnvoy() {
      const { envoy } = instance;
      // A drained Envoy still answers what was under way, also one that was adopted a moment ago and is not known to be live yet.
      if (stateDir.kept.envoyDrained && envoy && envoy.runner.state.phase !== "down")
        await untilIdle(createInFlight(envoy), limit, clock, hurry).catch(() => "it does not say");
      await replaceEnvoy();
    },
    close: () => renewal.end(),
  };
  return traffic;
}
