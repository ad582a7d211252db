/** Whether the callers' proxies have this instance: asked whenever it comes into service, and proven by their acknowledgement. */
import { type Instance, isServing } from "./instance.js";
import { acknowledged } from "./leave/acknowledgement.js";
import { createSteps } from "./leave/step.js";

/** What is known of the callers. */
export interface CallersState {
  /** `out`: the instance does not serve; `asking`: it serves, and the proof is waited for; `known`: proven, or the limit has passed. */
  readonly phase: "out" | "asking" | "known";
  /** In words, why. */
  readonly outcome: string;
}

/** See the file's sentence. */
export interface Callers {
  readonly state: CallersState;
  /** To be called after each change of the instance. */
  look(): void;
  /** Resolves when the phase is `known`, or rejects with the signal's reason. */
  known(signal: AbortSignal): Promise<CallersState>;
  /** Asks nothing any more. */
  stop(): void;
}

const out: CallersState = { phase: "out", outcome: "the instance does not serve" };

/** Creates it; `onChange` is called when the state changes. */
export function createCallers(instance: Instance, onChange: () => void): Callers {
  const { config, clock, log } = instance;
  const { acknowledge, wait } = config.values.drain;
  const limits = { acknowledge, wait, settle: 0 };
  let state: CallersState = out;
  let asking: AbortController | undefined;
  let waiting: (() => void)[] = [];
  let stopped = false;

  const show = (next: CallersState): void => {
    state = next;
    if (next.phase === "known") for (const resolve of waiting.splice(0)) resolve();
    onChange();
  };

  const ask = async (signal: AbortSignal): Promise<void> => {
    const { channel } = instance;
    if (!config.values.discovery || !channel) return show({ phase: "known", outcome: "the instance is registered nowhere" });
    const steps = createSteps(clock, log, "arrive.step");
    await steps.run("6", "callers' proxies take the instance up", () =>
      acknowledged((limitMs, ended) => channel.route("arriving", limitMs, ended), limits, clock, signal),
    );
    if (!signal.aborted) show({ phase: "known", outcome: steps.reports[0]?.outcome ?? "" });
  };

  return {
    get state() {
      return state;
    },
    look() {
      const serving = isServing(instance);
      if (serving && state.phase === "out" && !stopped) {
        asking = new AbortController();
        show({ phase: "asking", outcome: "the callers' proxies have not acknowledged the instance yet" });
        void ask(asking.signal);
      } else if (!serving && state.phase !== "out") {
        asking?.abort(new Error("the instance does not serve any more"));
        show(out);
      }
    },
    async known(signal) {
      while (state.phase !== "known") {
        signal.throwIfAborted();
        await new Promise<void>((resolve, reject) => {
          const onAbort = (): void => reject(signal.reason as Error);
          signal.addEventListener("abort", onAbort, { once: true });
          waiting.push(() => {
            signal.removeEventListener("abort", onAbort);
            resolve();
          });
        });
      }
      return state;
    },
    stop() {
      stopped = true;
      waiting = [];
      asking?.abort(new Error("the agent stops"));
    },
  };
}
