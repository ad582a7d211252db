/** The settings of `legation dev`. */
import { type ConfigValues, option } from "@legation/runtime/command-line";

const port = (what: string, flag: string) =>
  option.integer({ description: `Port of ${what}, 0 for any that is free`, default: 0, min: 0, max: 65_535, unit: "port", flag });

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
  consulPort: port("Consul's API; 8500 where that is free", "--consul-port"),
  apiPort: port("the control plane's API; 8080 where that is free", "--api-port"),
  xdsPort: port("xDS; 18000 where that is free", "--xds-port"),
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
