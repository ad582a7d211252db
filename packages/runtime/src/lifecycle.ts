/** The life of a process: what is stopped when it ends, in which order, and within which limits. */

import { LegationError } from "./errors.js";
import type { Logger } from "./log.js";

/** Collects what must be stopped, and stops it once. */
export interface Lifecycle {
  /** Registers something to stop. Hooks run one by one, the last registered first; one that exceeds `limitMs` is logged and left. */
  onStop(name: string, limitMs: number, stop: () => Promise<void> | void): void;
  /** Runs all hooks; later calls return the first one's promise. Never rejects. */
  stop(reason: string): Promise<void>;
  /** Aborted as soon as stopping begins. */
  readonly stopping: AbortSignal;
  /** Stops on SIGINT and SIGTERM; the second such signal ends the process at once with 130 or 143. Unhandled rejections stop it with 1. */
  handleSignals(): void;
}

/** Creates the lifecycle of a process. */
export function createLifecycle(log: Logger): Lifecycle {
  const hooks: { name: string; limitMs: number; stop: () => Promise<void> | void }[] = [];
  const controller = new AbortController();
  let stopped: Promise<void> | undefined;

  async function runHooks(reason: string): Promise<void> {
    log.info({ event: "process.stopping", reason }, `stopping: ${reason}`);
    controller.abort(new LegationError("process.stopping", `stopping: ${reason}`));
    for (const hook of hooks.reverse()) {
      const begin = performance.now();
      try {
        await within(hook.limitMs, hook.stop);
        log.debug({ event: "process.hook", hook: hook.name, ms: Math.round(performance.now() - begin) }, `stopped ${hook.name}`);
      } catch (error) {
        log.error({ event: "process.hook-failed", hook: hook.name, err: error }, `stopping ${hook.name} failed`);
      }
    }
    log.info({ event: "process.stopped", reason }, "stopped");
  }

  const lifecycle: Lifecycle = {
    onStop: (name, limitMs, stop) => {
      hooks.push({ name, limitMs, stop });
    },
    stop: (reason) => {
      stopped ??= runHooks(reason);
      return stopped;
    },
    stopping: controller.signal,
    handleSignals: () => {
      const codes = { SIGINT: 130, SIGTERM: 143 } as const;
      for (const [signal, code] of Object.entries(codes)) {
        process.on(signal, () => {
          if (stopped) {
            log.warn({ event: "process.hurried", signal }, `${signal} again: ending at once`);
            process.exit(code);
          }
          void lifecycle.stop(signal);
        });
      }
      process.on("unhandledRejection", (error) => {
        log.fatal({ event: "process.unhandled", err: error }, "a failure that nothing handled");
        process.exitCode = 1;
        void lifecycle.stop("unhandled failure").then(() => process.exit(1));
      });
    },
  };
  return lifecycle;
}

async function within(limitMs: number, stop: () => Promise<void> | void): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new LegationError("process.hook-limit", `did not end within ${limitMs} ms`)), limitMs);
  });
  try {
    await Promise.race([stop(), limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** Turns a failed `listen` into a sentence that names the address, the cause and the flag to change it by. */
export function listenError(error: unknown, options: { address: string; what: string; flag: string }): LegationError {
  const { address, what, flag } = options;
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  const port = address.slice(address.lastIndexOf(":") + 1);
  const because: Record<string, string> = {
    EADDRINUSE: `port ${port} is in use by another process: ${what} cannot listen on ${address}. Stop that process, or choose another address with ${flag}`,
    EACCES: `this user may not listen on port ${port}: ${what} cannot listen on ${address}. Choose a port of 1024 or above with ${flag}`,
    EADDRNOTAVAIL: `this machine has no address ${address.slice(0, address.lastIndexOf(":"))}: ${what} cannot listen on ${address}. Choose one that it has with ${flag}`,
  };
  const message =
    because[code ?? ""] ??
    `${what} cannot listen on ${address}: ${error instanceof Error ? error.message : String(error)}. Change it with ${flag}`;
  return new LegationError("process.listen", message, { cause: error });
}
