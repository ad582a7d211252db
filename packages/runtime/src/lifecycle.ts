/** How a process stops: hooks in the reverse order of registration, each within its limit, on a signal or after a crash. */
import { type Clock, systemClock } from "./clock.js";
import type { Logger } from "./log.js";

/** What a lifecycle needs of the process it lives in; Node's `process` by default. */
export interface HostProcess {
  on(event: string, listener: (argument: unknown) => void): unknown;
  exit(code: number): void;
}

/** The orderly end of one process. */
export interface Lifecycle {
  /**
   * Registers what has to be stopped; the last registered is stopped first. A hook that takes longer than `limitMs` milliseconds, or
   * throws, is logged and skipped. One that is registered while the process stops is run next; after that, at once.
   */
  onStop(name: string, limitMs: number, stop: () => Promise<void> | void): void;
  /** Aborts `stopping`, runs the hooks, and resolves when all are done or skipped; never rejects. Further calls wait for the first. */
  stop(reason: string): Promise<void>;
  /** Aborted as soon as stopping begins. */
  readonly stopping: AbortSignal;
  /** Resolves with the reason once `stop` was called, by whomever, and has finished. */
  readonly stopped: Promise<string>;
  /**
   * SIGINT, SIGTERM and SIGHUP stop the process; a second one half a second or more after the first exits at once with 128 + its
   * number. An unhandled rejection or exception is logged, and the process exits with 1 after its hooks.
   */
  handleSignals(): void;
}

/** Exit codes of an end that was forced, by signal: 128 + its number. */
const forcedExitCodes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** A signal that comes again within this time is the same one: a terminal and npm both deliver one Ctrl-C. Milliseconds. */
const sameSignalWindow = 500;

/** After so many unhandled errors the hooks are not waited for: where logging itself fails, they would never get a turn. */
const crashLimit = 20;

/** How long the last lines of the log may take to be written, in milliseconds. */
const logLimit = 1_000;

/** Makes the lifecycle of a process. Nothing happens before `stop` or, after `handleSignals`, a signal. */
export function createLifecycle(log: Logger, options: { clock?: Clock; host?: HostProcess } = {}): Lifecycle {
  const { clock = systemClock, host = process as HostProcess } = options;
  const hooks: Hook[] = [];
  const abort = new AbortController();
  let running: Promise<void> | undefined;
  let done = false;
  let crashes = 0;
  let resolveStopped: (reason: string) => void = () => {};
  const stopped = new Promise<string>((resolve) => {
    resolveStopped = resolve;
  });

  async function runHooks(reason: string): Promise<void> {
    const start = clock.monotonic();
    log.info({ event: "lifecycle.stopping", reason }, `stopping: ${reason}`);
    abort.abort(new Error(`stopping: ${reason}`));
    for (let hook = hooks.pop(); hook; hook = hooks.pop()) await runHook(hook, log, clock);
    done = true;
    log.info({ event: "lifecycle.stopped", reason, ms: Math.round(clock.monotonic() - start) }, "stopped");
    await written(log, clock);
    if (crashes > 0) host.exit(1);
    resolveStopped(reason);
  }

  function stop(reason: string): Promise<void> {
    running ??= runHooks(reason);
    return running;
  }

  function onSignal(signal: keyof typeof forcedExitCodes, firstAt: number | undefined): void {
    if (firstAt !== undefined && clock.monotonic() - firstAt < sameSignalWindow) return;
    if (firstAt === undefined) return void stop(signal);
    log.warn({ event: "lifecycle.forced", signal }, `${signal} while stopping: exit without waiting for the rest`);
    host.exit(forcedExitCodes[signal]);
  }

  function onCrash(event: string, error: unknown): void {
    crashes += 1;
    if (crashes <= crashLimit) log.fatal({ event, error }, "an error that nothing handles: stopping");
    if (done || crashes > crashLimit) host.exit(1);
    else void stop(event);
  }

  return {
    onStop(name, limitMs, stopHook) {
      const hook = { name, limitMs, stop: stopHook };
      if (done) void runHook(hook, log, clock);
      else hooks.push(hook);
    },
    stop,
    stopping: abort.signal,
    stopped,
    handleSignals() {
      let firstAt: number | undefined;
      for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const)
        host.on(signal, () => {
          onSignal(signal, firstAt);
          firstAt ??= clock.monotonic();
        });
      host.on("unhandledRejection", (error) => onCrash("process.unhandled-rejection", error));
      host.on("uncaughtException", (error) => onCrash("process.uncaught-exception", error));
    },
  };
}

interface Hook {
  readonly name: string;
  readonly limitMs: number;
  readonly stop: () => Promise<void> | void;
}

/** Resolves once all lines are written, or their reader has been too slow for it. */
function written(log: Logger, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.timeout(logLimit, resolve);
    log.flush(() => {
      timer.cancel();
      resolve();
    });
  });
}

/** Runs one hook until it is done, fails, or its limit has passed; never rejects. */
function runHook(hook: Hook, log: Logger, clock: Clock): Promise<void> {
  const { name, limitMs } = hook;
  return new Promise((resolve) => {
    const timer = clock.timeout(limitMs, () => {
      log.warn({ event: "lifecycle.hook-overdue", hook: name, limitMs }, `${name} did not stop within ${limitMs} ms: going on without it`);
      resolve();
    });
    const finish = async () => {
      try {
        await hook.stop();
        log.debug({ event: "lifecycle.hook-done", hook: name });
      } catch (error) {
        log.error({ event: "lifecycle.hook-failed", hook: name, error }, `${name} failed to stop`);
      }
      timer.cancel();
      resolve();
    };
    void finish();
  });
}
