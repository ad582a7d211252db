/** `legation agent`: from the command line to the exit code. */
import { homedir, hostname, networkInterfaces } from "node:os";
import { LegationError, loadConfig, printConfig, readConfigFiles, systemClock } from "@legation/runtime";
import { type Agent, createAgent } from "./agent.js";
import { type AgentIo, openConsul, openLog, stateProblems } from "./agent-io.js";
import { withoutAgentChanges } from "./config/change.js";
import { type AgentConfig, defineAgent } from "./config/definition.js";
import { agentOptions } from "./config/options.js";
import { catchCrashes, orCrash, tellCrash } from "./crash.js";
import { fileFlag, isFleet, printConfigFlag } from "./manual.js";
import type { Reread } from "./reload.js";
import { connectServiceManager, warnWithoutInit } from "./service-manager.js";
import { type CaughtSignals, catchSignals } from "./signals.js";
import { openStateDir } from "./state-dir.js";

/**
 * Runs the agent until it has left. Resolves to the exit code: the service's own after a stop, 2 for a wrong configuration,
 * 1 when the agent could not begin, `crashCode` when an error in itself ended it. The process has to end with that code then: what the agent
 * began may still be at work in it. `signals` are those that were caught since the process began.
 */
export async function runAgent(argv: readonly string[], io: AgentIo, signals: CaughtSignals = catchSignals()): Promise<number> {
  try {
    if (isFleet(argv)) {
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
  const machine = { hostname: hostname(), home: io.env["HOME"] ?? homedir(), interfaces: networkInterfaces() };
  const read = () => {
    const file = readConfigFiles(argv, fileFlag);
    const loaded = loadConfig(agentOptions, { argv: argv.filter((word) => word !== printConfigFlag), env: io.env, file, fileFlag });
    const config = defineAgent(loaded.values, loaded.origins, machine);
    return { ...loaded, config, printed: printConfig(agentOptions, loaded.values, loaded.origins) };
  };
  const reread = (before: AgentConfig): Reread => {
    const { values, origins, printed } = read();
    return { config: defineAgent(withoutAgentChanges(before.values, values), origins, machine), written: values, printed };
  };
  const { config, printed: printedConfig } = read();
  if (argv.includes(printConfigFlag)) {
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
