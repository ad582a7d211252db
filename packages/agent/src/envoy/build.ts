/** What an Envoy is started from: its binary, bootstrap and options; two Envoys of one build are the same to everybody. */
import { createHash } from "node:crypto";
import { statSync } from "node:fs";

/** See the file's sentence. Times in milliseconds. */
export interface EnvoyBuild {
  readonly binary: string;
  /** Proto JSON. */
  readonly bootstrap: string;
  readonly concurrency: number;
  readonly logLevel: string;
  /** How long Envoy goes on telling connections to close once it drains. */
  readonly drainTime: number;
}

/** Where an Envoy stands in a row of hot restarts. */
export interface Generation {
  /** Names the row's shared memory and sockets on this machine. */
  readonly baseId: number;
  /** Counts from 0. */
  readonly epoch: number;
}

/** How long after the end of its drain an Envoy that was handed over goes on, milliseconds. */
const handedOverMs = 5_000;

/** After this time at most Envoy's access logs are in their files. */
const flushMs = 1_000;

/** The digest of a build. It sees an upgrade of the binary at the same path. */
export function digestOf(build: EnvoyBuild): string {
  return createHash("sha256")
    .update(JSON.stringify([build, fileMark(build.binary)]))
    .digest("hex");
}

/** When the Envoy before ends after a hot restart to this build, milliseconds. */
export function parentShutdownMs({ drainTime }: EnvoyBuild): number {
  return seconds(drainTime) * 1_000 + handedOverMs;
}

/** The command line; without a generation, hot restart is off. */
export function argvOf(build: EnvoyBuild, bootstrapPath: string, generation: Generation | undefined): string[] {
  const { binary, concurrency, logLevel, drainTime } = build;
  return [
    ...[binary, "--config-path", bootstrapPath, "--concurrency", String(concurrency), "--log-level", logLevel],
    ...["--file-flush-interval-msec", String(flushMs)],
    ...["--drain-strategy", "immediate", "--drain-time-s", String(seconds(drainTime))],
    ...(generation
      ? [
          ...["--base-id", String(generation.baseId), "--restart-epoch", String(generation.epoch)],
          ...["--parent-shutdown-time-s", String(parentShutdownMs(build) / 1_000)],
        ]
      : ["--disable-hot-restart"]),
  ];
}

function seconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1_000));
}

function fileMark(path: string): string {
  try {
    const { size, mtimeMs, ino } = statSync(path);
    return `${size} ${mtimeMs} ${ino}`;
  } catch {
    return "";
  }
}
