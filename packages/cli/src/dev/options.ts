/** The settings of `legation dev`. */
import { type ConfigValues, option } from "@legation/runtime/command-line";

/** Taken where they are free and nothing else is asked for. */
export const usualPorts = { consul: 8_500, api: 8_080, xds: 18_000 } as const;

const port = (what: string, usual: number, flag: string) =>
  option.integer({
    description: `Port of ${what}. Default: ${usual} where that is free, else any`,
    min: 1,
    max: 65_535,
    unit: "port",
    flag,
  });

/** The option table. */
export const devOptions = {
  policies: option.string({
    description: "Directory of policy files, which are in force as soon as they are written. Default: the policies in Consul's KV",
    unit: "directory",
    flag: "--policies",
  }),
  stateDir: option.string({
    description: "Keep everything here, Consul's data too, for the next time. A temporary directory unless given, removed at the end",
    unit: "directory",
    flag: "--state-dir",
  }),
  consulPort: port("Consul's API", usualPorts.consul, "--consul-port"),
  apiPort: port("the control plane's API", usualPorts.api, "--api-port"),
  xdsPort: port("xDS", usualPorts.xds, "--xds-port"),
  sample: option.string({
    description: "Write two small services into this directory, and end",
    unit: "directory",
    flag: "--sample",
  }),
  json: option.boolean({
    description: "Print the addresses as one line of JSON; the log is on standard error anyway",
    default: false,
    flag: "--json",
  }),
};

/** Their values. */
export type DevValues = ConfigValues<typeof devOptions>;
