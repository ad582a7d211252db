/** The manual page of `legation control-plane`. */
import type { Page } from "@legation/runtime/command-line";
import { controlPlaneOptions } from "./config.js";

/** Names the configuration file. */
export const fileFlag = "--config";
/** Prints the configuration in place of running. */
export const printFlag = "--print-config";

/** The page. */
export const controlPlanePage: Page = {
  fileFlag,
  description:
    "Watches Consul's registry, turns it into Envoy configuration, and serves that to the proxies by xDS. Runs without Consul on the last good state.",
  options: controlPlaneOptions,
  flags: { [printFlag]: "Shows every setting and where it comes from, and ends" },
  environment: { "CONSUL_HTTP_ADDR, CONSUL_HTTP_TOKEN, …": "Consul's own variables say where it is" },
  exitStatus: {
    0: "Stopped as asked.",
    1: "It could not begin; the message says why.",
    2: "The command line or the configuration is wrong; nothing was done.",
  },
  examples: [
    "legation control-plane --consul-addr http://127.0.0.1:8500",
    "CONSUL_HTTP_TOKEN=… legation control-plane --state-dir /var/lib/legation",
    "curl http://127.0.0.1:8080/health",
  ],
  seeAlso: ["legation proxies", "packages/control-plane/README.md"],
};
