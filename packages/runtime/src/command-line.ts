/** What a command needs of the chassis that asks, answers and ends: nothing here loads a log, metrics or a parser of files. */
export { formatAddress, parseAddress } from "./address.js";
export { certificateUri } from "./certificate-uri.js";
export { type Clock, systemClock } from "./clock.js";
export { ConfigError, type ConfigInput, type LoadedConfig, loadConfig, readConfigFiles } from "./config.js";
export { codeOf, LegationError, messageOf } from "./errors.js";
export { flagNames, placeholder, wantsHelp } from "./flags.js";
export { helpText, type Operand, type Page } from "./help.js";
export { option } from "./kinds.js";
export { nearest } from "./nearest.js";
export type { ConfigValues, Option, OptionGroup, OptionSpec, OptionTable } from "./option.js";
export { flatten } from "./option.js";
