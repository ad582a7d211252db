/** Carries out what the state machine decides: starts and ends the service's process, and runs its back-off. */
import type { Clock, Logger } from "@legation/runtime";
import { adoptProcess, describeExit, type Exit, leftoverOf, type ProcessSpec, type Running, startProcess } from "../process/running.js";
import {
  type Action,
  initialState,
  mayRestart,
  type RestartPolicy,
  reduce,
  type SupervisorEvent,
  type SupervisorState,
  type Transition,
} from "./state.js";

/** How the process is started. */
export type Launch = ProcessSpec;

/** Options of `createSupervisor`. */
export interface SupervisorOptions {
  /** Absent when somebody else starts the application. */
  readonly launch?: Launch;
  readonly policy: RestartPolicy;
  /** From SIGTERM to SIGKILL, milliseconds. */
  readonly stopTimeout: number;
  /** Counters of an earlier agent. */
  readonly kept: { readonly restarts?: number; readonly lastRestart?: number };
  readonly clock: Clock;
  readonly log: Logger;
  /** After each change, with the transition if there was one. */
  readonly onChange: (state: SupervisorState, transition: Transition | undefined) => void;
  /** The process has been started (again): its health is to be learned anew. */
  readonly onStarted: () => void;
}

/** The supervisor of one service. */
export interface Supervisor {
  readonly state: SupervisorState;
  /** The last 100 transitions. */
  readonly transitions: readonly Transition[];
  /** The process, while it lives. */
  readonly pid: number | undefined;
  /** True when the application can be there at all: its process lives, or is somebody else's. */
  readonly alive: boolean;
  dispatch(event: SupervisorEvent): void;
  /** Takes over the process of an earlier agent; false when there is none. */
  adopt(): boolean;
  /** Asks for a restart; returns why not, or undefined when it is under way. */
  restart(cause: string, force: boolean): string | undefined;
  /** Ends the process for good (after the event `stop`); resolves to how it ended, undefined when there was none. `hurry` shortens the limit. */
  end(hurry: AbortSignal): Promise<{ readonly exit: Exit; readonly killed: boolean } | undefined>;
}

const keptTransitions = 100;

/** Creates the supervisor in the state `pending`. */
export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { launch, policy, clock, log } = options;
  let state: SupervisorState = {
    ...initialState(clock.now()),
    restarts: options.kept.restarts ?? 0,
    lastRestart: options.kept.lastRestart,
  };
  const transitions: Transition[] = [];
  let running: Running | undefined;
  let ending: Promise<unknown> | undefined;
  let cleaning: Promise<unknown> | undefined;
  let retry: { cancel(): void } | undefined;

  const dispatch = (event: SupervisorEvent): void => {
    const step = reduce(state, event, policy, { now: clock.now(), monotonic: clock.monotonic() });
    state = step.state;
    if (step.transition) {
      transitions.push(step.transition);
      if (transitions.length > keptTransitions) transitions.shift();
      const { from, to, cause } = step.transition;
      const level = to === "failed" ? "error" : to === "unhealthy" || to === "backing_off" ? "warn" : "info";
      log[level]({ event: `service.${to}`, from, to, cause }, `${from} → ${to}: ${cause}`);
    }
    options.onChange(state, step.transition);
    for (const action of step.actions) perform(action);
  };

  const perform = (action: Action): void => {
    retry?.cancel();
    if (action.kind === "start") void start();
    else if (action.kind === "retry") {
      log.info({ event: "service.retry-in", waitMs: action.afterMs }, `starting again in ${action.afterMs} ms`);
      retry = clock.timeout(action.afterMs, () => dispatch({ kind: "retry" }));
    } else if (running) ending = running.end(options.stopTimeout);
  };

  const start = async (): Promise<void> => {
    if (!launch) return options.onStarted();
    try {
      // What an earlier agent's service left in its group holds its port.
      cleaning = leftoverOf(launch.recordPath, clock)?.end(options.stopTimeout);
      await cleaning;
      cleaning = undefined;
      if (state.phase !== "starting") return;
      const process = await startProcess(launch, clock);
      log.info(
        { event: "service.started", servicePid: process.record.pid, argv: launch.argv },
        `started the service (pid ${process.record.pid})`,
      );
      take(process);
      options.onStarted();
    } catch (error) {
      dispatch({ kind: "exit", cause: (error as Error).message });
    }
  };

  const take = (process: Running): void => {
    running = process;
    options.onChange(state, undefined);
    void process.exited.then(async (exit) => {
      if (running !== process) return;
      running = undefined;
      // Consul hears of it before anything is waited for.
      options.onChange(state, undefined);
      const unasked = ending === undefined;
      log[unasked ? "error" : "info"](
        { event: "service.exited", servicePid: process.record.pid, ...exit },
        `the service ${describeExit(exit)}`,
      );
      // What it left in its group must not meet its successor.
      cleaning = ending ?? process.end(options.stopTimeout);
      await cleaning;
      cleaning = undefined;
      ending = undefined;
      dispatch({ kind: "exit", cause: unasked ? `the service ${describeExit(exit)}` : state.reason });
    });
  };

  return {
    get state() {
      return state;
    },
    transitions,
    get pid() {
      return running?.record.pid;
    },
    get alive() {
      return launch === undefined || running !== undefined;
    },
    dispatch,
    adopt() {
      if (!launch) return false;
      const process = adoptProcess(launch.recordPath, clock);
      if (!process) return false;
      const changed = process.record.digest !== launch.digest;
      log.info(
        { event: "service.adopted", servicePid: process.record.pid, changed },
        `adopted the service that was running (pid ${process.record.pid})`,
      );
      if (changed)
        log.warn({ event: "service.outdated" }, "it was started with another command or environment; restart it to apply the present one");
      take(process);
      return true;
    },
    restart(cause, force) {
      const problem = mayRestart(state, policy, force);
      if (problem === undefined) dispatch({ kind: "restart", cause, force });
      return problem;
    },
    async end(hurry) {
      retry?.cancel();
      dispatch({ kind: "terminate", cause: "ending the service" });
      const process = running;
      if (!process) {
        await cleaning;
        return undefined;
      }
      const ended = process.end(options.stopTimeout, hurry);
      ending = ended;
      return await ended;
    },
  };
}
