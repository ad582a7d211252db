/** What `legation agent` takes, and its manual pages: for one instance, and for many under one agent. */
import type { Page } from "@legation/runtime/command-line";
import { agentOptions } from "./config/options.js";

export { agentOptions } from "./config/options.js";

/** Names the configuration file. */
export const fileFlag = "--config";
/** Prints the configuration in place of running. */
export const printConfigFlag = "--print-config";
/** Prints who starts after whom in place of running. */
export const printGraphFlag = "--print-graph";

/** Ask for many instances in the place of one; `--help` behind them tells of their own flags. */
const fleetFlags = ["--all", "--containers"];

/** Whether a command line asks for many instances. */
export function isFleet(argv: readonly string[]): boolean {
  return fleetFlags.some((flag) => argv.some((word) => word === flag || word.startsWith(`${flag}=`)));
}

const onePage: Page = {
  synopsis: [
    "legation agent [--config service.yaml] [--print-config] [flags]",
    "legation agent --all DIRECTORY | --containers SOCKET [flags]",
  ],
  fileFlag,
  description: [
    "Runs beside one service instance: starts the service, checks its health, registers it in Consul, runs its Envoy, and on SIGTERM leaves without losing a request. A second SIGTERM hurries; SIGHUP reads the configuration again; SIGUSR2 ends the agent alone, for the next one to take over.",
    "--all runs every service file of a directory under one agent, --containers registers labelled containers: see legation agent --all --help.",
  ],
  options: agentOptions,
  flags: { [printConfigFlag]: "Shows every setting and where it comes from, and ends" },
  exitStatus: {
    0: "The instance has left. With a service of its own: the service's own exit code.",
    1: "The agent could not begin; the message says why.",
    2: "The command line or the configuration is wrong; nothing was done.",
  },
  examples: [
    "legation agent --config service.yaml",
    "SERVICE_NAME=orders SERVICE_PORT=8080 legation agent",
    "legation agent --config service.yaml --print-config",
    "legation agent --all services/",
  ],
  seeAlso: ["legation drain", "legation restart", "packages/agent/README.md"],
};

/** The page; behind `--all` or `--containers` the one for many. */
export async function agentPage(argv: readonly string[]): Promise<Page> {
  if (!isFleet(argv)) return onePage;
  const { fleetOptions } = await import("./fleet/options.js");
  return {
    synopsis: ["legation agent --all DIRECTORY | --containers SOCKET [--print-graph [--json] | --print-config] [flags]"],
    description: [
      "Runs every service file of a directory under one agent, each service with its own Envoy, state and registration. A service starts when those of the directory that it requires serve; all leave in the reverse order. SIGHUP reads the directory again; SIGUSR2 ends the agent alone, for the next one to take over.",
      "--containers registers the labelled containers of an engine as well, or alone.",
    ],
    options: fleetOptions,
    flags: {
      [printGraphFlag]: "Draws who starts after whom, and ends; with --json for programs",
      [printConfigFlag]: "Shows every setting of every service and where it comes from, and ends",
    },
    exitStatus: {
      0: "All have left. With services of their own: the highest of their exit codes.",
      1: "The agent could not begin; the message says why.",
      2: "The command line or a service file is wrong; nothing was done.",
    },
    examples: [
      "legation agent --all services/",
      "legation agent --all services/ --print-graph",
      "legation agent --containers unix:///var/run/docker.sock",
    ],
    seeAlso: ["legation agent --help", "packages/agent/README.md"],
  };
}
