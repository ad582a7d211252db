/** What is run around the service's process: before and after its start, before and after its stop, each within a limit. */
import type { Clock, Logger } from "@legation/runtime";
import { adoptProcess, describeExit, type Exit, leftoverOf, type ProcessSpec, startProcess } from "../process/running.js";

/** The hooks in the order of a life. */
export type HookName = "beforeStart" | "afterStart" | "beforeStop" | "afterStop";

/** Each hook's command, undefined where there is none, and its limit in milliseconds. */
export type Hooks = Readonly<Record<HookName, { readonly command?: readonly string[] | undefined; readonly timeout: number }>>;

/** Runs hooks, one at a time. */
export interface HookRunner {
  /**
   * Runs a hook if there is one, as the service's process is run, with `LEGATION_HOOK` and `LEGATION_CAUSE` in its environment. What it leaves
   * in its process group ends with it. Resolves to undefined when it ended with code 0, else to why not; never rejects. `hurry` ends it.
   */
  run(name: HookName, cause: string, hurry?: AbortSignal): Promise<string | undefined>;
}

/** What the runner needs. */
export interface HookRunnerOptions {
  readonly hooks: Hooks;
  readonly launch: ProcessSpec;
  /** Where the record of the hook that runs stands. */
  readonly recordPath: string;
  readonly clock: Clock;
  readonly log: Logger;
}

const endMs = 2_000;

/** Creates the runner. */
export function createHookRunner({ hooks, launch, recordPath, clock, log }: HookRunnerOptions): HookRunner {
  const execute = async (name: HookName, argv: readonly string[], cause: string, hurry?: AbortSignal): Promise<string | undefined> => {
    // A hook of an agent that was killed goes on without it, and must not meet its successor.
    await (adoptProcess(recordPath, clock) ?? leftoverOf(recordPath, clock))?.end(endMs);
    const env = { ...launch.env, LEGATION_HOOK: name, LEGATION_CAUSE: cause };
    const process = await startProcess({ ...launch, argv, env, recordPath, digest: name }, clock);
    const { timeout } = hooks[name];
    const over = new AbortController();
    const late = clock.sleep(timeout, hurry ? AbortSignal.any([hurry, over.signal]) : over.signal).then(
      () => `took longer than ${timeout} ms and was ended`,
      () => "was cut short",
    );
    const outcome = await Promise.race([process.exited.then(problemOf), late]);
    over.abort();
    await process.end(endMs);
    return outcome;
  };

  return {
    async run(name, cause, hurry) {
      const { command } = hooks[name];
      if (!command) return undefined;
      const began = clock.monotonic();
      const problem = await execute(name, command, cause, hurry).catch((error: Error) => error.message);
      const ms = Math.round(clock.monotonic() - began);
      if (problem === undefined) log.info({ event: "service.hook", hook: name, cause, ms }, `hook ${name}: done (${ms} ms)`);
      else log.warn({ event: "service.hook-failed", hook: name, cause, ms, problem }, `hook ${name} ${problem} (${ms} ms)`);
      return problem;
    },
  };
}

function problemOf(exit: Exit): string | undefined {
  return exit.code === 0 ? undefined : describeExit(exit);
}
