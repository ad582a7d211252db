/** Structured logs: one JSON line per event on stderr, so that stdout stays free for a command's answer. */
import { pino } from "pino";

/** A logger. The first argument of each call holds `event`, a stable dotted name such as `consul.watch-lost`; errors go under `error`. */
export type Logger = pino.Logger;

/** The levels that `createLogger` takes, from the most to the least talkative. */
export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

/** Bytes of lines that wait for a slow reader of stderr before further lines are dropped. */
const bufferLimit = 16 * 1024 * 1024;

/**
 * Makes a process's logger. `name` says which part speaks, `level` is one of `logLevels` (default `info`). Without a destination
 * lines go to stderr without blocking the process, and what is buffered is written when it exits.
 */
export function createLogger(options: { name: string; level?: string; destination?: pino.DestinationStream }): Logger {
  return pino(
    {
      name: options.name,
      level: options.level ?? "info",
      base: { pid: process.pid },
      errorKey: "error",
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: pino.stdSerializers.err, err: pino.stdSerializers.err },
    },
    options.destination ?? pino.destination({ fd: 2, sync: false, maxLength: bufferLimit }),
  );
}
