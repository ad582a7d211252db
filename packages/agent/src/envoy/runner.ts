/** Runs this instance's Envoy: adopts or starts it, waits until it is live, replaces it without loss, starts it again when it dies, and stops it. */
import type { EnvoyPhase } from "@legation/contract";
import type { Backoff, Clock, Logger, Timer } from "@legation/runtime";
import { describeExit, type Running } from "../process/running.js";
import type { EnvoyAdmin } from "./admin.js";
import { digestOf, type EnvoyBuild, parentShutdownMs } from "./build.js";
import { canHotRestart, forgetBaseId, generationOf, obstacleTo, untilTakenOver } from "./handover.js";
import { answersAsNode, whyNotLive } from "./liveness.js";
import type { EnvoyProcesses } from "./processes.js";
import { watchResponsiveness } from "./responsiveness.js";

/** Options of `createEnvoyRunner`. Times in milliseconds. */
export interface EnvoyRunnerOptions {
  /** What to run at first; `update` changes it. */
  readonly build: EnvoyBuild;
  readonly processes: EnvoyProcesses;
  /** Writes a bootstrap before a start. */
  readonly writeBootstrap: (bootstrap: string) => Promise<void>;
  readonly nodeId: string;
  readonly inboundPort: number;
  /** Names the instance's row of hot restarts; undefined where hot restart is not wanted. */
  readonly baseId?: number;
  /** A live Envoy that has not answered for so long is replaced. */
  readonly answerWithin: number;
  readonly admin: EnvoyAdmin;
  /** Rejects when a binary cannot be used: it is too old, or is none. */
  readonly checkBinary: (binary: string) => Promise<void>;
  /** Rejects when a port is taken; asked before a start from nothing. */
  readonly checkPorts: () => Promise<void>;
  readonly controlPlanes: string;
  readonly clock: Clock;
  readonly backoff: Backoff;
  readonly log: Logger;
  readonly onChange: () => void;
}

/** How Envoy is. `live` means that it accepts inbound traffic. */
export interface EnvoyState {
  readonly phase: EnvoyPhase;
  readonly reason: string;
  readonly pid?: number;
  readonly restarts: number;
  /** Hot restarts of this agent. */
  readonly handovers: number;
}

/** See the file's sentence. */
export interface EnvoyRunner {
  readonly state: EnvoyState;
  /** One that has handed over has not ended yet. */
  readonly hasParent: boolean;
  /** Adopts a living Envoy, and lets it hand over when it is of another build; else starts one. Rejects when the first start is not possible (port taken, binary broken). */
  begin(): Promise<void>;
  /** From now on this build is to run: a live Envoy of another one hands over by hot restart, and is restarted where that is impossible. */
  update(build: EnvoyBuild, cause: string): void;
  /** Ends Envoy and starts it afresh; when that is not possible at once, it is tried again with back-off. */
  restart(cause: string): Promise<void>;
  /** Ends Envoy for good. */
  stop(limitMs: number, hurry?: AbortSignal): Promise<void>;
}

const livePollMs = 50;
const stableMs = 60_000;
const silentEndMs = 1_000;
const endMs = 5_000;
const takeOverMs = 60_000;
const obstacleRetryMs = 2_000;
/** How long the one that has handed over may take beyond its time. */
const overtimeMs = 10_000;
/** How long an Envoy that is just taking over may take until it answers. */
const handingAnswerMs = 3_000;

/** Creates the runner; nothing is started before `begin`. */
export function createEnvoyRunner(options: EnvoyRunnerOptions): EnvoyRunner {
  const { clock, log, admin, processes } = options;
  let { build } = options;
  let digest = digestOf(build);
  let state: EnvoyState = { phase: "down", reason: "Envoy has not been started", restarts: 0, handovers: 0 };
  let running: Running | undefined;
  let ended = false;
  let replacing = false;
  let queued = false;
  let newest = 0;
  let liveAt: number | undefined;
  let silence: string | undefined;
  /** A process comes into being, and is neither `running` nor one of the others yet. */
  let spawning: Promise<unknown> = Promise.resolve();

  const show = (patch: Partial<EnvoyState>): void => {
    const next = { ...state, ...patch };
    const changed = JSON.stringify(next) !== JSON.stringify(state);
    state = next;
    if (changed) options.onChange();
  };

  const watch = (process: Running): void => {
    running = process;
    liveAt = undefined;
    silence = undefined;
    show({ phase: "starting", reason: "Envoy is starting", pid: process.record.pid });
    supervise(process, awaitLive(process));
  };

  const supervise = (process: Running, live: Promise<void>): void => {
    let watching: Timer | undefined;
    void live.then(() => {
      if (running !== process || state.phase !== "live") return;
      watching = watchAnswers(process);
      if (process.record.digest !== digest) void handOver("its bootstrap or its options have changed");
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

  const notLive = (): Promise<string | undefined> => whyNotLive(admin, options.inboundPort, options.controlPlanes);

  /** One way to a running Envoy; the newest one goes on, and those before it give way. */
  const attempt = (): { overtaken(): boolean } => {
    newest += 1;
    const mine = newest;
    return { overtaken: () => ended || mine !== newest };
  };

  const start = async ({ overtaken }: { overtaken(): boolean }): Promise<void> => {
    await processes.endOthers(endMs);
    await options.checkBinary(build.binary);
    await options.checkPorts();
    if (overtaken()) return;
    await options.writeBootstrap(build.bootstrap);
    if (overtaken()) return;
    const { baseId } = options;
    const spawn = async (): Promise<void> => {
      const process = await processes.start(build, digest, baseId !== undefined && canHotRestart() ? { baseId, epoch: 0 } : undefined);
      if (overtaken()) await process.end(endMs);
      else watch(process);
    };
    await whileSpawning(spawn());
  };

  const whileSpawning = <T>(work: Promise<T>): Promise<T> => {
    spawning = work.catch(() => undefined);
    return work;
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

  /** Resolves to the Envoy that may hand over now, once nothing stands in the way; undefined when there is none any more. */
  const readyToHandOver = async (cause: string): Promise<Running | undefined> => {
    for (let told = ""; ; ) {
      const old = running;
      if (ended || replacing || !old || state.phase !== "live" || old.record.digest === digest) return undefined;
      const obstacle =
        processes.others.size > 0 ? { why: "the Envoy before has not ended yet", later: true } : await obstacleTo(old, build.binary, admin);
      if (ended || replacing || running !== old) continue;
      if (!obstacle) return old;
      if (!obstacle.later) {
        log.warn({ event: "envoy.handover-impossible", cause, why: obstacle.why }, `no hot restart: ${obstacle.why}`);
        void restart(cause);
        return undefined;
      }
      if (told !== obstacle.why)
        log.info({ event: "envoy.handover-waits", cause, why: obstacle.why }, `the hot restart waits: ${obstacle.why}`);
      told = obstacle.why;
      await clock.sleep(obstacleRetryMs);
    }
  };

  const handOver = async (cause: string): Promise<void> => {
    if (queued) return;
    queued = true;
    try {
      const old = await readyToHandOver(cause);
      if (old) await handOverFrom(old, cause);
    } finally {
      queued = false;
    }
  };

  const handOverFrom = async (old: Running, cause: string): Promise<void> => {
    const mine = attempt();
    const began = clock.monotonic();
    const epoch = (generationOf(old)?.epoch ?? 0) + 1;
    try {
      await options.checkBinary(build.binary);
      await options.writeBootstrap(build.bootstrap);
    } catch (error) {
      return failed(error as Error);
    }
    if (mine.overtaken()) return;
    log.info({ event: "envoy.handing-over", envoyPid: old.record.pid, cause, epoch }, `hot restart of Envoy: ${cause}`);
    replacing = true;
    let child: Running | undefined;
    let problem: string | undefined;
    try {
      child = await whileSpawning(processes.startSuccessor(build, digest, { baseId: generationOf(old)?.baseId ?? 0, epoch }));
      problem = await untilTakenOver(child, epoch, admin, notLive, takeOverMs, clock);
    } catch (error) {
      problem = (error as Error).message;
    } finally {
      replacing = false;
    }
    if (child) processes.settle(child);
    if (mine.overtaken()) return void (await child?.end(endMs));
    if (!child || problem !== undefined) {
      log.error({ event: "envoy.handover-failed", cause, problem }, `the hot restart failed, Envoy is restarted: ${problem}`);
      await child?.end(endMs);
      return await restart(cause);
    }
    const { pid } = child.record;
    const ms = Math.round(clock.monotonic() - began);
    log.info({ event: "envoy.handed-over", from: old.record.pid, envoyPid: pid, epoch, ms }, `Envoy ${pid} has taken over (${ms} ms)`);
    running = child;
    liveAt = clock.monotonic();
    silence = undefined;
    show({ phase: "live", reason: "Envoy is live", pid, handovers: state.handovers + 1 });
    processes.retire(parentShutdownMs(build) + overtimeMs);
    supervise(child, Promise.resolve());
  };

  const adopt = async (): Promise<boolean> => {
    const process = processes.adopt();
    if (!process) return false;
    const { pid } = process.record;
    const answers = await answersAsNode(admin, options.nodeId, processes.hasParent() ? handingAnswerMs : 0, clock);
    const same = process.record.digest === digest;
    if (answers && (same || (await notLive()) === undefined)) {
      log.info({ event: "envoy.adopted", envoyPid: pid }, `adopted the Envoy that was running (pid ${pid})`);
      processes.retire(parentShutdownMs(build) + overtimeMs);
      watch(process);
      return true;
    }
    const why = answers ? "its bootstrap or its options have changed" : "its admin interface does not answer as this node";
    log.warn({ event: "envoy.replaced", envoyPid: pid, why }, `the Envoy that was running is replaced: ${why}`);
    processes.retire(0);
    await Promise.all([process.end(endMs), processes.endOthers(endMs)]);
    return false;
  };

  const endAll = async (limitMs: number, hurry?: AbortSignal): Promise<void> => {
    await spawning;
    await Promise.all([running?.end(limitMs, hurry), processes.endOthers(limitMs, hurry)]);
  };

  const restart = async (cause: string): Promise<void> => {
    const mine = attempt();
    log.info({ event: "envoy.restarting", cause }, `restarting Envoy: ${cause}`);
    replacing = true;
    try {
      show({ phase: "down", reason: cause, pid: undefined });
      await endAll(endMs);
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
  };

  return {
    get state() {
      return state;
    },
    get hasParent() {
      return processes.others.size > 0;
    },
    async begin() {
      if (!(await adopt())) await start(attempt());
    },
    update(next, cause) {
      build = next;
      const before = digest;
      digest = digestOf(next);
      if (digest === before) return;
      if (state.phase === "live") void handOver(cause);
      else if (running) void restart(cause);
    },
    restart,
    async stop(limitMs, hurry) {
      ended = true;
      await endAll(limitMs, hurry);
      if (options.baseId !== undefined) forgetBaseId(options.baseId);
      show({ phase: "down", reason: "Envoy was stopped", pid: undefined });
    },
  };
}
