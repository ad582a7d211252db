/** A service's checks and its supervisor, put together: what the checks find moves the supervisor, and its process is what they look at. */
import type { Clock, Logger, Timer } from "@legation/runtime";
import type { AgentConfig } from "./config/definition.js";
import { createProbe } from "./health/create-probe.js";
import { createHealth, type Health } from "./health/health.js";
import type { CheckResult } from "./health/monitor.js";
import { openRecord } from "./health/record.js";
import { isUp } from "./health/verdict.js";
import type { launchFor } from "./reconfigure.js";
import type { StateDir } from "./state-dir.js";
import type { RestartPolicy, Transition } from "./supervisor/state.js";
import { createSupervisor, type Supervisor } from "./supervisor/supervisor.js";

/** What it takes. */
export interface SupervisionOptions {
  readonly config: AgentConfig;
  /** What is started; undefined when somebody else starts the application. */
  readonly launched: ReturnType<typeof launchFor>;
  readonly policy: RestartPolicy;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stateDir: StateDir;
  readonly clock: Clock;
  readonly log: Logger;
  /** How long a service that was started may take until it is healthy, milliseconds. */
  readonly startTimeout: () => number;
  readonly onResult: (result: CheckResult) => void;
  readonly onTransition: (transition: Transition) => void;
  /** After each change of the one or the other. */
  readonly onChange: () => void;
}

/** Creates both; nothing is started and nothing is looked at yet. Throws what `createHealth` throws. */
export function createSupervision(options: SupervisionOptions): { readonly health: Health; readonly supervisor: Supervisor } {
  const { config, launched, policy, env, stateDir, clock, log, onChange } = options;
  const { values } = config;
  let startLimit: Timer | undefined;

  const health = createHealth({
    checks: config.checks,
    probeOf: ({ target }) => createProbe(target, launched?.launch ?? { env: { ...env, ...values.env } }),
    record: openRecord(stateDir.file("health.json")),
    clock,
    log,
    onResult: (result, changed) => {
      options.onResult(result);
      const { phase } = supervisor.state;
      const up = isUp(health.level);
      if (up && (phase === "starting" || phase === "unhealthy")) supervisor.dispatch({ kind: "healthy", cause: health.message });
      if (health.level === "UNHEALTHY" && phase !== "unhealthy") supervisor.dispatch({ kind: "unhealthy", cause: health.message });
      if (changed) onChange();
    },
  });

  const supervisor = createSupervisor({
    ...launched,
    policy,
    stopSignal: values.stopSignal,
    stopTimeout: values.stopTimeout,
    kept: stateDir.kept,
    clock,
    log,
    onStarted: () => {
      health.begin("UNKNOWN");
      const limit = options.startTimeout();
      startLimit = clock.timeout(limit, () => {
        if (supervisor.state.phase === "starting")
          supervisor.dispatch({ kind: "unhealthy", cause: `not healthy within ${limit} ms: ${health.message}` });
      });
    },
    onChange: (_state, transition) => {
      if (!supervisor.alive) health.pause();
      if (transition) {
        startLimit?.cancel();
        options.onTransition(transition);
      }
      onChange();
    },
  });
  return { health, supervisor };
}
