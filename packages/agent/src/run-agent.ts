/** `legation agent`: from the command line to the exit code. */
import { homedir, hostname, networkInterfaces } from "node:os";
import { helpText, LegationError, loadConfig, printConfig, readConfigFiles, systemClock, wantsHelp } from "@legation/runtime";
import { type Agent, createAgent } from "./agent.js";
import { type AgentIo, openConsul, openLog, stateProblems } from "./agent-io.js";
import { withoutAgentChanges } from "./config/change.js";
import { type AgentConfig, defineAgent } from "./config/definition.js";
import { agentOptions } from "./config/options.js";
import { catchCrashes, orCrash, tellCrash } from "./crash.js";
import type { Reread } from "./reload.js";
import { connectServiceManager, warnWithoutInit } from "./service-manager.js";
import { type CaughtSignals, catchSignals } from "./signals.js";
import { openStateDir } from "./state-dir.js";

const fileFlag = "--config";
/** Ask for many instances in the place of one; `--help` behind them tells of their own flags. */
const fleetFlags = ["--all", "--containers"];
const printFlag = "--print-config";

const help = {
  usage: "legation agent [--config service.yaml | --all DIRECTORY | --containers SOCKET] [--print-config] [flags]",
  fileFlag,
  summary:
    "Runs beside one service instance: starts the service, checks its health, registers it in Consul, runs its Envoy, and on SIGTERM leaves without losing a request. A second SIGTERM hurries; SIGHUP reads the configuration again; SIGUSR2 ends the agent alone, for the next one to take over. --print-config shows every setting and where it comes from. --all runs every service file of a directory under one agent, --containers registers labelled containers: see legation agent --all --help.",
  examples: [
    "legation agent --config service.yaml",
    "SERVICE_NAME=orders SERVICE_PORT=8080 legation agent",
    "legation agent --config service.yaml --print-config",
    "legation agent --all services/",
  ],
};

/**
 * Runs the agent until it has left. Resolves to the exit code: the service's own after a stop, 0 after `--help`, 2 for a wrong configuration,
 * 1 when the agent could not begin, `crashCode` when an error in itself ended it. The process has to end with that code then: what the agent
 * began may still be at work in it. `signals` are those that were caught since the process began.
 */
export async function runAgent(argv: readonly string[], io: AgentIo, signals: CaughtSignals = catchSignals()): Promise<number> {
  try {
    if (fleetFlags.some((flag) => argv.some((word) => word === flag || word.startsWith(`${flag}=`)))) {
      const { runFleet } = await import("./fleet/run-fleet.js");
      return await runFleet(argv, io, signals);
    }
    return await runOne(argv, io, signals);
  } catch (error) {
    if (!(error instanceof LegationError)) throw error;
    io.stderr.write(`legation agent: ${error.message}\n`);
    return error.code === "config" || error.code === "consul.config" ? 2 : 1;
  } finally {
    signals.release();
  }
}

async function runOne(argv: readonly string[], io: AgentIo, signals: CaughtSignals): Promise<number> {
  if (wantsHelp(argv)) {
    io.stdout.write(helpText(agentOptions, help));
    return 0;
  }
  const machine = { hostname: hostname(), home: io.env["HOME"] ?? homedir(), interfaces: networkInterfaces() };
  const read = () => {
    const file = readConfigFiles(argv, fileFlag);
    const loaded = loadConfig(agentOptions, { argv: argv.filter((word) => word !== printFlag), env: io.env, file, fileFlag });
    const config = defineAgent(loaded.values, loaded.origins, machine);
    return { ...loaded, config, printed: printConfig(agentOptions, loaded.values, loaded.origins) };
  };
  const reread = (before: AgentConfig): Reread => {
    const { values, origins, printed } = read();
    return { config: defineAgent(withoutAgentChanges(before.values, values), origins, machine), written: values, printed };
  };
  const { config, printed: printedConfig } = read();
  if (argv.includes(printFlag)) {
    io.stdout.write(printedConfig);
    return 0;
  }
  const { consul, logLevel } = config.values;
  const log = openLog(io, logLevel).child({ service: config.service.name, id: config.service.id });
  warnWithoutInit(process.pid, log);
  const crashed = new Promise<number>((resolve) => catchCrashes((error) => resolve(tellCrash(error, log))));
  const serve = async (): Promise<number> => {
    const agent = await createAgent({
      manager: connectServiceManager({ env: io.env, pid: process.pid, clock: systemClock, log }),
      config,
      printedConfig,
      reread,
      env: io.env,
      hostname: hostname(),
      consul: openConsul(io, consul, 3),
      stateDir: openStateDir(config.stateDir, stateProblems(log)),
      clock: systemClock,
      log,
    });
    return await untilStopped(agent, signals);
  };
  return await Promise.race([crashed, orCrash(serve(), log)]);
}

async function untilStopped(agent: Agent, signals: CaughtSignals): Promise<number> {
  const stopped = new Promise<number>((resolve, reject) => {
    signals.deliver((signal) => {
      if (signal === "SIGUSR2") agent.letGo(signal).then(resolve, reject);
      else if (signal === "SIGHUP") agent.reload(signal);
      else agent.stop(signal).then(resolve, reject);
    });
  });
  await Promise.race([agent.begin(), stopped]);
  return await stopped;
}
