/** Runs this instance's Envoy: adopts or starts it, waits until it is live, starts it again when it dies, and stops it at the end. */
import { createHash } from "node:crypto";
import type { Backoff, Clock, Logger, Timer } from "@legation/runtime";
import { adoptProcess, describeExit, type Running, startProcess } from "../process/running.js";
import type { EnvoyAdmin } from "./admin.js";
import { watchResponsiveness } from "./responsiveness.js";

/** Options of `createEnvoyRunner`. Times in milliseconds. */
export interface EnvoyRunnerOptions {
  readonly binary: string;
  readonly bootstrap: string;
  readonly bootstrapPath: string;
  /** Writes the bootstrap before a start. */
  readonly writeBootstrap: () => Promise<void>;
  readonly nodeId: string;
  readonly inboundPort: number;
  readonly concurrency: number;
  readonly logLevel: string;
  /** How long Envoy goes on telling connections to close once it drains. */
  readonly drainTime: number;
  /** A live Envoy that has not answered for so long is replaced. */
  readonly answerWithin: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly recordPath: string;
  readonly outputPath: string;
  readonly admin: EnvoyAdmin;
  /** Rejects when a start cannot succeed: the binary is too old, a port is taken. */
  readonly beforeStart: () => Promise<void>;
  readonly controlPlanes: string;
  readonly clock: Clock;
  readonly backoff: Backoff;
  readonly log: Logger;
  readonly onChange: () => void;
}

/** How Envoy is. `live` means that it accepts inbound traffic. */
export interface EnvoyState {
  readonly phase: "down" | "starting" | "live";
  readonly reason: string;
  readonly pid?: number;
  readonly restarts: number;
}

/** See the file's sentence. */
export interface EnvoyRunner {
  readonly state: EnvoyState;
  /** Adopts a living Envoy with the same bootstrap, else starts one. Rejects when the first start is not possible (port taken, binary broken). */
  begin(): Promise<void>;
  /** Ends Envoy and starts it afresh; when that is not possible at once, it is tried again with back-off. */
  restart(cause: string): Promise<void>;
  /** Ends Envoy for good. */
  stop(limitMs: number, hurry?: AbortSignal): Promise<void>;
}

const livePollMs = 50;
const stableMs = 60_000;
const silentEndMs = 1_000;

/** Creates the runner; nothing is started before `begin`. */
export function createEnvoyRunner(options: EnvoyRunnerOptions): EnvoyRunner {
  const { clock, log, admin } = options;
  let state: EnvoyState = { phase: "down", reason: "Envoy has not been started", restarts: 0 };
  let running: Running | undefined;
  let ended = false;
  let replacing = false;
  let newest = 0;
  let liveAt: number | undefined;
  let silence: string | undefined;

  const argv = [
    options.binary,
    "--config-path",
    options.bootstrapPath,
    "--drain-strategy",
    "immediate",
    "--drain-time-s",
    String(Math.max(1, Math.ceil(options.drainTime / 1_000))),
    "--disable-hot-restart",
    "--concurrency",
    String(options.concurrency),
    "--log-level",
    options.logLevel,
  ];
  const digest = createHash("sha256")
    .update(JSON.stringify([argv, options.bootstrap]))
    .digest("hex");

  const show = (patch: Partial<EnvoyState>): void => {
    const next = { ...state, ...patch };
    const changed = JSON.stringify(next) !== JSON.stringify(state);
    state = next;
    if (changed) options.onChange();
  };

  const watch = (process: Running): void => {
    running = process;
    liveAt = undefined;
    show({ phase: "starting", reason: "Envoy is starting", pid: process.record.pid });
    silence = undefined;
    let watching: Timer | undefined;
    void awaitLive(process).then(() => {
      if (running === process && state.phase === "live") watching = watchAnswers(process);
    });
    void process.exited.then((exit) => {
      watching?.cancel();
      if (running !== process) return;
      running = undefined;
      if (ended || replacing) return;
      const cause = silence ?? `Envoy ${describeExit(exit)}`;
      log.error({ event: "envoy.exited", envoyPid: process.record.pid, ...exit }, cause);
      if (liveAt !== undefined && clock.monotonic() - liveAt >= stableMs) options.backoff.reset();
      show({ phase: "down", reason: cause, pid: undefined });
      void again();
    });
  };

  const awaitLive = async (process: Running): Promise<void> => {
    while (!ended && running === process && state.phase === "starting") {
      const missing = await notLive();
      if (running !== process || state.phase !== "starting") return;
      if (missing === undefined) {
        liveAt = clock.monotonic();
        log.info({ event: "envoy.live", envoyPid: process.record.pid }, "Envoy is live");
        show({ phase: "live", reason: "Envoy is live" });
        return;
      }
      show({ reason: missing });
      await clock.sleep(livePollMs);
    }
  };

  /** An Envoy that was stopped or hangs does not end on SIGTERM, and callers wait for it in vain. */
  const watchAnswers = (process: Running): Timer =>
    watchResponsiveness({
      ask: admin.ready,
      limitMs: options.answerWithin,
      clock,
      onSilent: (ms) => {
        if (running !== process || ended || replacing) return;
        silence = `Envoy lived and did not answer for ${Math.round(ms / 1_000)} s`;
        log.error({ event: "envoy.silent", envoyPid: process.record.pid, silentMs: Math.round(ms) }, `${silence}: it is replaced`);
        show({ phase: "down", reason: silence });
        void process.end(silentEndMs);
      },
    });

  const notLive = async (): Promise<string | undefined> => {
    try {
      const ready = await admin.ready();
      if (ready !== "LIVE" && ready !== "DRAINING")
        return `Envoy is ${ready}: it waits for its configuration from a control plane at ${options.controlPlanes}`;
      if (!(await admin.listeningPorts()).has(options.inboundPort))
        return `Envoy has no inbound listener on port ${options.inboundPort} yet: its control plane at ${options.controlPlanes} has not sent one`;
      return undefined;
    } catch {
      return "Envoy's admin interface does not answer yet";
    }
  };

  /** One way to a running Envoy; the newest one goes on, and those before it give way. */
  const attempt = (): { overtaken(): boolean } => {
    newest += 1;
    const mine = newest;
    return { overtaken: () => ended || mine !== newest };
  };

  const start = async ({ overtaken }: { overtaken(): boolean }): Promise<void> => {
    await options.beforeStart();
    if (overtaken()) return;
    await options.writeBootstrap();
    if (overtaken()) return;
    const process = await startProcess(
      { argv, env: options.env, outputPath: options.outputPath, recordPath: options.recordPath, digest },
      clock,
    );
    log.info({ event: "envoy.started", envoyPid: process.record.pid, binary: options.binary }, "started Envoy");
    watch(process);
  };

  const failed = ({ message }: Error): void => {
    log.error({ event: "envoy.start-failed", problem: message }, message);
    show({ reason: message });
  };

  const again = async (): Promise<void> => {
    const mine = attempt();
    while (!mine.overtaken()) {
      const wait = options.backoff.next();
      log.info({ event: "envoy.backing-off", waitMs: wait }, `starting Envoy again in ${wait} ms`);
      await clock.sleep(wait);
      if (mine.overtaken()) return;
      try {
        show({ restarts: state.restarts + 1 });
        return await start(mine);
      } catch (error) {
        failed(error as Error);
      }
    }
  };

  const adopt = async (): Promise<boolean> => {
    const process = adoptProcess(options.recordPath, clock);
    if (!process) return false;
    const same = process.record.digest === digest;
    const answers = same && (await admin.identity().catch(() => undefined))?.nodeId === options.nodeId;
    if (answers) {
      log.info({ event: "envoy.adopted", envoyPid: process.record.pid }, `adopted the Envoy that was running (pid ${process.record.pid})`);
      watch(process);
      return true;
    }
    const why = same ? "its admin interface does not answer as this node" : "its bootstrap or its options have changed";
    log.warn({ event: "envoy.replaced", envoyPid: process.record.pid, why }, `the Envoy that was running is replaced: ${why}`);
    await process.end(5_000);
    return false;
  };

  return {
    get state() {
      return state;
    },
    async begin() {
      if (!(await adopt())) await start(attempt());
    },
    async restart(cause) {
      const old = running;
      const mine = attempt();
      log.info({ event: "envoy.restarting", cause }, `restarting Envoy: ${cause}`);
      replacing = true;
      try {
        show({ phase: "down", reason: cause, pid: undefined });
        await old?.end(5_000);
      } finally {
        replacing = false;
      }
      if (mine.overtaken()) return;
      try {
        await start(mine);
      } catch (error) {
        failed(error as Error);
        void again();
      }
    },
    async stop(limitMs, hurry) {
      ended = true;
      await running?.end(limitMs, hurry);
      show({ phase: "down", reason: "Envoy was stopped", pid: undefined });
    },
  };
}
