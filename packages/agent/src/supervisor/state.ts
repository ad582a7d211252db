/**
 * The state machine of a supervised service: one pure function from state and event to the next state and what is to be done.
 *
 * ```
 * pending → waiting → starting → running ⇄ unhealthy        stop: any → draining → stopping → stopped
 *                        ↑          │          │
 *                        └ backing_off ←───────┘  → failed (attempts used up)
 * ```
 */
import type { ServiceState } from "@legation/contract";

/** The states that an agent can be in; `unknown` is what others say of a service without an agent. */
export type Phase = Exclude<ServiceState, "unknown">;

/** When and how often a service is started again. Times in milliseconds. */
export interface RestartPolicy {
  /** Starts after the first one, before the service is `failed`. */
  readonly attempts: number;
  /** The wait before the first attempt; it doubles with each further one. */
  readonly base: number;
  /** A run that was healthy for so long gives all attempts back. */
  readonly resetAfter: number;
  /** Restart on an unhealthy verdict too. */
  readonly autoRecovery: boolean;
  /** False when somebody else starts the application: then nothing is started or stopped here. */
  readonly owned: boolean;
}

/** One change of state: from where to where, why and when (milliseconds since the epoch). */
export interface Transition {
  readonly from: Phase;
  readonly to: Phase;
  readonly cause: string;
  readonly at: number;
}

/** Everything that the machine remembers. A value: `reduce` returns a new one. */
export interface SupervisorState {
  readonly phase: Phase;
  /** Why it is in this phase; for `waiting`, what it waits for. */
  readonly reason: string;
  /** Since when it is in this phase, milliseconds since the epoch. */
  readonly since: number;
  /** What is wanted in the end: a running service, one fresh start of it, or none. */
  readonly goal: "run" | "restart" | "stop";
  /** True while the instance is to get no traffic, running or not. */
  readonly drained: boolean;
  /** Attempts used since the last long healthy run. */
  readonly attempts: number;
  /** Restarts since the agent's state began. */
  readonly restarts: number;
  readonly lastRestart?: number;
  readonly lastError?: string;
  /** Since when it has been healthy, on the clock that never jumps, milliseconds. */
  readonly healthySince?: number;
}

/** When an event happens, milliseconds. */
export interface Moment {
  /** Since the epoch; for people. */
  readonly now: number;
  /** On the clock that never jumps; for durations. */
  readonly monotonic: number;
}

/** What happens to the machine. */
export type SupervisorEvent =
  | { readonly kind: "wait"; readonly reason: string; readonly error?: boolean }
  | { readonly kind: "start"; readonly cause: string }
  | { readonly kind: "adopt"; readonly cause: string }
  | { readonly kind: "healthy"; readonly cause: string }
  | { readonly kind: "unhealthy"; readonly cause: string }
  | { readonly kind: "exit"; readonly cause: string }
  | { readonly kind: "retry" }
  | { readonly kind: "drain"; readonly cause: string }
  | { readonly kind: "undrain"; readonly cause: string }
  | { readonly kind: "restart"; readonly cause: string; readonly force: boolean }
  | { readonly kind: "stop"; readonly cause: string }
  | { readonly kind: "terminate"; readonly cause: string }
  | { readonly kind: "stopped"; readonly cause: string };

/** What the shell has to do after an event. */
export type Action =
  | { readonly kind: "start" }
  | { readonly kind: "terminate"; readonly cause: string }
  | { readonly kind: "retry"; readonly afterMs: number };

/** The next state, the transition if the phase changed, and what to do. */
export interface Step {
  readonly state: SupervisorState;
  readonly transition?: Transition;
  readonly actions: readonly Action[];
}

/** The state before anything happened. */
export function initialState(now: number): SupervisorState {
  return { phase: "pending", reason: "not begun", since: now, goal: "run", drained: false, attempts: 0, restarts: 0 };
}

/** True when an unforced restart may be asked for: not while stopping, and not after the attempts were used up. */
export function mayRestart(state: SupervisorState, policy: RestartPolicy, force: boolean): string | undefined {
  if (!policy.owned) return "the agent does not start this service: no command is configured";
  if (state.goal === "stop") return "the service is being stopped";
  if (state.phase === "failed" && !force)
    return `the restart limit of ${policy.attempts} attempts is used up (${state.lastError ?? state.reason}); use force to start it again`;
  return undefined;
}

/** Applies one event. An event that makes no sense in a phase changes nothing. */
export function reduce(state: SupervisorState, event: SupervisorEvent, policy: RestartPolicy, moment: Moment): Step {
  const { phase } = state;
  const { now, monotonic } = moment;
  const to = (next: Phase, cause: string, patch: Partial<SupervisorState> = {}, ...actions: Action[]): Step => ({
    state: { ...state, ...patch, phase: next, reason: cause, since: next === phase ? state.since : now },
    ...(next === phase ? {} : { transition: { from: phase, to: next, cause, at: now } }),
    actions,
  });
  const ignore: Step = { state, actions: [] };

  switch (event.kind) {
    case "wait":
      if (phase !== "pending" && phase !== "waiting") return ignore;
      return to("waiting", event.reason, event.error ? { lastError: event.reason } : {});
    case "start":
      return phase === "pending" || phase === "waiting" ? to("starting", event.cause, {}, { kind: "start" }) : ignore;
    case "adopt":
      return phase === "pending" || phase === "waiting"
        ? to(state.drained ? "draining" : "running", event.cause, { healthySince: monotonic })
        : ignore;
    case "healthy":
      if (phase !== "starting" && phase !== "unhealthy") return ignore;
      return to(state.drained ? "draining" : "running", event.cause, { healthySince: monotonic });
    case "unhealthy":
      return unhealthy(state, event.cause, policy, to) ?? ignore;
    case "exit":
      return exited(state, event.cause, policy, moment, to) ?? ignore;
    case "retry":
      if (phase !== "backing_off") return ignore;
      return to(
        "starting",
        `attempt ${state.attempts} of ${policy.attempts}`,
        { restarts: state.restarts + 1, lastRestart: now },
        { kind: "start" },
      );
    case "drain":
      if (phase === "running" || phase === "unhealthy") return to("draining", event.cause, { drained: true });
      return { state: { ...state, drained: true }, actions: [] };
    case "undrain":
      if (state.goal === "stop") return ignore;
      if (phase === "draining") return to("running", event.cause, { drained: false, healthySince: state.healthySince ?? monotonic });
      return { state: { ...state, drained: false }, actions: [] };
    case "restart":
      return restarted(state, event, policy, now, to) ?? ignore;
    case "stop":
      if (state.goal === "stop") return ignore;
      if (phase === "running" || phase === "unhealthy" || phase === "draining")
        return to("draining", event.cause, { goal: "stop", drained: true });
      return to("stopping", event.cause, { goal: "stop", drained: true });
    case "terminate":
      if (state.goal !== "stop" || phase === "stopped") return ignore;
      return to("stopping", event.cause);
    case "stopped":
      return state.goal === "stop" ? to("stopped", event.cause) : ignore;
  }
}

type To = (next: Phase, cause: string, patch?: Partial<SupervisorState>, ...actions: Action[]) => Step;

function unhealthy(state: SupervisorState, cause: string, policy: RestartPolicy, to: To): Step | undefined {
  const { phase } = state;
  if (phase !== "running" && phase !== "starting" && !(phase === "draining" && state.goal === "run")) return undefined;
  const recover = policy.autoRecovery && policy.owned && state.goal === "run";
  const patch = { lastError: cause, healthySince: phase === "starting" ? undefined : state.healthySince };
  return to("unhealthy", cause, patch, ...(recover ? [{ kind: "terminate", cause } as const] : []));
}

function exited(state: SupervisorState, cause: string, policy: RestartPolicy, { now, monotonic }: Moment, to: To): Step | undefined {
  const { phase } = state;
  if (phase === "pending" || phase === "waiting" || phase === "backing_off" || phase === "failed" || phase === "stopped") return undefined;
  if (state.goal === "stop") return to("stopping", cause, { healthySince: undefined });
  if (state.goal === "restart")
    return to(
      "starting",
      cause,
      { goal: "run", restarts: state.restarts + 1, lastRestart: now, healthySince: undefined },
      { kind: "start" },
    );
  const stable = state.healthySince !== undefined && monotonic - state.healthySince >= policy.resetAfter;
  const used = stable ? 0 : state.attempts;
  const patch = { lastError: cause, healthySince: undefined };
  if (used >= policy.attempts) return to("failed", `${cause}; ${policy.attempts} attempts are used up`, { ...patch, attempts: used });
  return to("backing_off", cause, { ...patch, attempts: used + 1 }, { kind: "retry", afterMs: policy.base * 2 ** used });
}

function restarted(
  state: SupervisorState,
  event: { readonly cause: string; readonly force: boolean },
  policy: RestartPolicy,
  now: number,
  to: To,
): Step | undefined {
  if (mayRestart(state, policy, event.force) !== undefined) return undefined;
  const attempts = event.force ? 0 : state.attempts;
  switch (state.phase) {
    case "failed":
    case "backing_off":
      return to("starting", event.cause, { attempts, restarts: state.restarts + 1, lastRestart: now }, { kind: "start" });
    case "pending":
    case "waiting":
      return undefined;
    default:
      return to("stopping", event.cause, { attempts, goal: "restart" }, { kind: "terminate", cause: event.cause });
  }
}
