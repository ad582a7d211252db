/** The options of an agent that runs many services, and which of a service's options it takes from the machine instead of the file. */
import { type ConfigValues, type Option, type OptionTable, option } from "@legation/runtime";
import { agentOptions } from "../config/options.js";

/** Set once for all services; a variable or a flag goes before the files. */
const sharedOptions = {
  consul: agentOptions.consul,
  controlPlane: agentOptions.controlPlane,
  envoy: { binary: agentOptions.envoy.binary },
  metricsAddress: agentOptions.metricsAddress,
  logLevel: agentOptions.logLevel,
};

/** The option table of `legation agent --all`. */
export const fleetOptions = {
  all: option.string({ description: "The directory of the service files, *.yaml, one service each", unit: "directory", flag: "--all" }),
  admin: agentOptions.admin,
  stateDir: option.string({
    description:
      "Where the agent keeps what it must find again, with a directory below it for each service. ~/.local/state/legation/all unless given",
    env: ["LEGATION_STATE_DIR", "STATE_DIRECTORY"],
    flag: "--state-dir",
  }),
  stopLimit: option.duration({
    description: "All services together may take so long to leave; what is left then is hurried",
    default: 300_000,
    flag: "--stop-limit",
  }),
  containers: option.string({
    description: "Register the labelled containers of the engine behind this Unix socket, such as unix:///var/run/docker.sock",
    unit: "socket",
    env: "LEGATION_CONTAINERS",
    flag: "--containers",
  }),
  ...sharedOptions,
};

/** The values of `fleetOptions`. */
export type FleetValues = ConfigValues<typeof fleetOptions>;

/** The table for one service file: as an agent's own, but only what is shared can come from a variable or a flag. */
export const fileOptions: typeof agentOptions = {
  ...(fileOnly(agentOptions) as typeof agentOptions),
  consul: agentOptions.consul,
  controlPlane: agentOptions.controlPlane,
  envoy: { ...(fileOnly(agentOptions.envoy) as typeof agentOptions.envoy), binary: agentOptions.envoy.binary },
  metricsAddress: agentOptions.metricsAddress,
  logLevel: agentOptions.logLevel,
};

function fileOnly(table: OptionTable): OptionTable {
  return Object.fromEntries(
    Object.entries(table).map(([key, entry]) => {
      if (isSetting(entry)) {
        const { env: _env, flag: _flag, ...spec } = entry.spec;
        return [key, { ...entry, spec }];
      }
      const fields = "group" in entry && entry.group === true ? { ...entry, fields: fileOnly(entry.fields as OptionTable) } : undefined;
      return [key, fields ?? fileOnly(entry as OptionTable)];
    }),
  );
}

/** The words of a command line that set what is shared. */
export function sharedWords(argv: readonly string[]): string[] {
  const flags = flagsOf(sharedOptions);
  return argv.flatMap((word, index) => {
    const before = argv[index - 1];
    const isValue = before !== undefined && flags.includes(before);
    return isValue || flags.includes(word.replace(/=.*$/s, "")) ? [word] : [];
  });
}

function flagsOf(table: OptionTable): string[] {
  return Object.values(table).flatMap((entry) => {
    if (isSetting(entry)) return entry.spec.flag ?? [];
    return flagsOf("group" in entry && entry.group === true ? (entry.fields as OptionTable) : (entry as OptionTable));
  });
}

function isSetting(entry: OptionTable[string]): entry is Option<unknown> {
  return "option" in entry && entry.option === true;
}
