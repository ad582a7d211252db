/** The chassis of a long-running process: configuration, log, metrics, time, back-off, files, life. A closed list. */
export { formatAddress, listenError, parseAddress } from "./address.js";
export { type Backoff, type BackoffOptions, createBackoff } from "./backoff.js";
export { type Clock, systemClock, type Timer } from "./clock.js";
export { ConfigError, type ConfigInput, type LoadedConfig, loadConfig, readConfigFiles } from "./config.js";
export type { ConfigFile } from "./config-file.js";
export { codeOf, LegationError, messageOf } from "./errors.js";
export { writeFileAtomic } from "./file.js";
export { wantsHelp } from "./flags.js";
export { helpText, type Page } from "./help.js";
export { option } from "./kinds.js";
export { createLifecycle, type HostProcess, type Lifecycle } from "./lifecycle.js";
export { createLogger, type Logger, logLevels } from "./log.js";
export { Counter, createRegistry, Gauge, Histogram, Registry } from "./metrics.js";
export { nearest } from "./nearest.js";
export type { ConfigValues, Option, OptionGroup, OptionSpec, OptionTable } from "./option.js";
export { printConfig } from "./print-config.js";
export { type ClientCertificate, type SecurePort, type SecurePortOptions, securePort, type TlsMaterial } from "./secure-port.js";
export { certificateUri, mustHaveUri, type TlsPeer, tlsPeer } from "./tls-peer.js";
