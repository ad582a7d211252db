/** The processes of one instance's Envoy: the one that serves, and during a hot restart the one that takes over and the one that ends. */
import { existsSync, renameSync } from "node:fs";
import type { Clock, Logger } from "@legation/runtime";
import { adoptProcess, type Running, startProcess } from "../process/running.js";
import { argvOf, type EnvoyBuild, type Generation } from "./build.js";

/** Where their files are, and what they get. */
export interface EnvoyFiles {
  readonly bootstrapPath: string;
  readonly recordPath: string;
  /** The record of an Envoy that has handed over and ends. */
  readonly parentRecordPath: string;
  readonly outputPath: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** See the file's sentence. */
export interface EnvoyProcesses {
  /** Those beside the one that serves. */
  readonly others: ReadonlySet<Running>;
  start(build: EnvoyBuild, digest: string, generation: Generation | undefined): Promise<Running>;
  /** Starts a successor beside the one that serves, whose record is set aside. It is one of the others until `settle`. */
  startSuccessor(build: EnvoyBuild, digest: string, generation: Generation): Promise<Running>;
  /** The successor serves, or has failed: it is none of the others any more. */
  settle(successor: Running): void;
  /** The one that serves by its record, if it lives. */
  adopt(): Running | undefined;
  /** True while one that has handed over lives. */
  hasParent(): boolean;
  /** Watches the one that has handed over: it ends by itself, and is ended when it does not within `limitMs`. */
  retire(limitMs: number): void;
  /** Ends the others. */
  endOthers(limitMs: number, hurry?: AbortSignal): Promise<void>;
}

const endMs = 1_000;

/** Creates them; nothing is started. */
export function createEnvoyProcesses(files: EnvoyFiles, clock: Clock, log: Logger): EnvoyProcesses {
  const { bootstrapPath, recordPath, parentRecordPath, outputPath, env } = files;
  const others = new Set<Running>();
  const start: EnvoyProcesses["start"] = async (build, digest, generation) => {
    const argv = argvOf(build, bootstrapPath, generation);
    const marks = generation ? { marks: { ...generation } } : {};
    const process = await startProcess({ argv, env, outputPath, recordPath, digest, held: generation !== undefined, ...marks }, clock);
    const { pid } = process.record;
    log.info({ event: "envoy.started", envoyPid: pid, binary: build.binary, epoch: generation?.epoch }, `started Envoy (pid ${pid})`);
    return process;
  };
  return {
    others,
    start,
    async startSuccessor(build, digest, generation) {
      if (existsSync(recordPath)) renameSync(recordPath, parentRecordPath);
      const successor = await start(build, digest, generation);
      others.add(successor);
      return successor;
    },
    settle: (successor) => void others.delete(successor),
    adopt() {
      // An agent that died within a handover may have left the one record that there is under the other name.
      if (!adoptProcess(recordPath, clock) && adoptProcess(parentRecordPath, clock)) renameSync(parentRecordPath, recordPath);
      return adoptProcess(recordPath, clock);
    },
    hasParent: () => adoptProcess(parentRecordPath, clock) !== undefined,
    retire(limitMs) {
      const parent = adoptProcess(parentRecordPath, clock);
      if (!parent) return;
      others.add(parent);
      const limit = new AbortController();
      const late = clock.sleep(limitMs, limit.signal).catch(() => undefined);
      void Promise.race([parent.exited, late]).then(async () => {
        limit.abort();
        await parent.end(endMs);
        others.delete(parent);
        log.info({ event: "envoy.parent-ended", envoyPid: parent.record.pid }, `the Envoy before (pid ${parent.record.pid}) has ended`);
      });
    },
    async endOthers(limitMs, hurry) {
      await Promise.all([...others].map((other) => other.end(limitMs, hurry)));
    },
  };
}
