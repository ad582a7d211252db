/** Structured logs: JSON lines on standard error, each with a stable dotted `event`. */
import { type DestinationStream, destination as openDestination, type Logger as PinoLogger, pino, stdTimeFunctions } from "pino";

/** A pino logger. Every call names `event` first, such as `log.info({ event: "agent.started" }, "…")`. */
export type Logger = PinoLogger;

/** The levels that `createLogger` takes, least first. */
export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

/** Creates the logger of a process. Times are RFC 3339; `destination` is standard error unless given. */
export function createLogger(options: { name: string; level?: string; destination?: DestinationStream }): Logger {
  return pino(
    {
      name: options.name,
      level: options.level ?? "info",
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    options.destination ?? openDestination({ fd: 2, sync: true }),
  );
}
