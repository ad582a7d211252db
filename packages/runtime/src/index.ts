/** The chassis of a long-running process: configuration, log, metrics, time, back-off, files, life. A closed list. */
export { type Backoff, createBackoff } from "./backoff.js";
export { type Clock, systemClock } from "./clock.js";
export { ConfigError, type ConfigFile, type ConfigInput, type LoadedConfig, loadConfig } from "./config.js";
export { formatDuration, parseDuration } from "./duration.js";
export { LegationError } from "./errors.js";
export { writeFileAtomic } from "./file.js";
export { helpText, printConfig } from "./help.js";
export { createLifecycle, type Lifecycle, listenError } from "./lifecycle.js";
export { createLogger, type Logger, logLevels } from "./log.js";
export { Counter, createRegistry, Gauge, Histogram, Registry } from "./metrics.js";
export { nearest } from "./nearest.js";
export { type ConfigValues, type Option, type OptionSpec, type OptionTable, option } from "./option.js";
