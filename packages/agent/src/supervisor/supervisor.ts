/** Carries out what the state machine decides: starts and ends the service's process, and runs its back-off. */
import { type Clock, LegationError, type Logger } from "@legation/runtime";
import { adoptProcess, describeExit, type Ended, leftoverOf, type ProcessSpec, type Running, startProcess } from "../process/running.js";
import type { HookRunner } from "./hooks.js";
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

/** Options of `createSupervisor`. */
export interface SupervisorOptions {
  /** Absent when somebody else starts the application. */
  readonly launch?: ProcessSpec;
  /** Absent together with `launch`. */
  readonly hooks?: HookRunner;
  readonly policy: RestartPolicy;
  readonly stopSignal: NodeJS.Signals;
  /** From that signal to SIGKILL, milliseconds. */
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
  /** What is started from the next start on. */
  relaunch(launch: ProcessSpec, hooks: HookRunner): void;
  /** Ends the process for good (after the event `stop`), its hooks run; resolves to how it ended, undefined when there was none. `hurry` shortens the limits. */
  end(hurry: AbortSignal): Promise<Ended | undefined>;
  /** Lets go of the process, which lives on for whoever adopts it: what becomes of it is nothing to this one any more. */
  letGo(): void;
}

const keptTransitions = 100;

/** Creates the supervisor in the state `pending`. */
export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { policy, clock, log } = options;
  let { launch, hooks } = options;
  let state: SupervisorState = {
    ...initialState(clock.now()),
    restarts: options.kept.restarts ?? 0,
    lastRestart: options.kept.lastRestart,
  };
  const transitions: Transition[] = [];
  let running: Running | undefined;
  /** Under way to the end of `running`. */
  let ending: Promise<Ended> | undefined;
  /** Under way after an end. */
  let between: Promise<unknown> | undefined;
  let starting: { readonly cut: AbortController; readonly done: Promise<void> } | undefined;
  const hurried = new AbortController();
  let retry: { cancel(): void } | undefined;
  let gone = false;

  const hook: HookRunner["run"] = async (...asked) => await hooks?.run(...asked);

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
    if (step.transition?.from === "starting" && (state.phase === "running" || state.phase === "draining"))
      void hook("afterStart", step.transition.cause, hurried.signal);
    for (const action of step.actions) perform(action);
  };

  const terminate = (process: Running, cause: string): Promise<Ended> => {
    ending ??= (async () => {
      await hook("beforeStop", cause, hurried.signal);
      return await process.end(options.stopTimeout, hurried.signal, options.stopSignal);
    })();
    return ending;
  };

  const perform = (action: Action): void => {
    retry?.cancel();
    if (action.kind === "start") start();
    else if (action.kind === "retry") {
      log.info({ event: "service.retry-in", waitMs: action.afterMs }, `starting again in ${action.afterMs} ms`);
      retry = clock.timeout(action.afterMs, () => dispatch({ kind: "retry" }));
    } else if (running) void terminate(running, action.cause);
    else starting?.cut.abort();
  };

  const start = (): void => {
    if (!launch) {
      options.onStarted();
      return;
    }
    const cut = new AbortController();
    const mine = { cut, done: begin(launch, cut.signal) };
    starting = mine;
    void mine.done.then(
      () => {
        if (starting === mine) starting = undefined;
      },
      (error: Error) => {
        if (starting === mine) starting = undefined;
        dispatch({ kind: "exit", cause: error.message });
      },
    );
  };

  const begin = async (launch: ProcessSpec, cut: AbortSignal): Promise<void> => {
    await prepare(launch, cut);
    if (cut.aborted) throw new LegationError("agent.start", state.reason);
    const process = await startProcess(launch, clock);
    const { pid } = process.record;
    log.info({ event: "service.started", servicePid: pid, argv: launch.argv }, `started the service (pid ${pid})`);
    take(process);
    options.onStarted();
    if (cut.aborted) void terminate(process, state.reason);
  };

  const prepare = async (to: ProcessSpec, cut: AbortSignal): Promise<void> => {
    // What an earlier agent's service left in its group holds its port.
    await leftoverOf(to.recordPath, clock)?.end(options.stopTimeout);
    if (cut.aborted) return;
    const problem = await hook("beforeStart", state.reason, cut);
    if (problem !== undefined) throw new LegationError("agent.hook", `the hook before the start ${problem}`);
  };

  const take = (process: Running): void => {
    running = process;
    options.onChange(state, undefined);
    void process.exited.then(async (exit) => {
      if (gone || running !== process) return;
      running = undefined;
      // Consul hears of it before anything is waited for.
      options.onChange(state, undefined);
      const unasked = ending === undefined;
      const cause = `the service ${describeExit(exit)}`;
      log[unasked ? "error" : "info"]({ event: "service.exited", servicePid: process.record.pid, ...exit }, cause);
      between = (async () => {
        // What it left in its group must not meet its successor.
        await (ending ?? process.end(options.stopTimeout, hurried.signal));
        await hook("afterStop", unasked ? cause : state.reason, hurried.signal);
      })();
      await between;
      ending = undefined;
      dispatch({ kind: "exit", cause: unasked ? cause : state.reason });
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
    relaunch(nextLaunch, nextHooks) {
      launch = nextLaunch;
      hooks = nextHooks;
    },
    async end(hurry) {
      retry?.cancel();
      if (hurry.aborted) hurried.abort();
      else hurry.addEventListener("abort", () => hurried.abort(), { once: true });
      dispatch({ kind: "terminate", cause: "ending the service" });
      starting?.cut.abort();
      await starting?.done.catch(() => undefined);
      const ended = running && (await terminate(running, state.reason));
      await between;
      return ended;
    },
    letGo() {
      gone = true;
      retry?.cancel();
    },
  };
}
