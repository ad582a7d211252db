/** `legation agent`: from the command line to the exit code. */
import { homedir, hostname, networkInterfaces } from "node:os";
import { consulOptionsFromEnv, createConsul } from "@legation/consul";
import { createLogger, helpText, LegationError, loadConfig, printConfig, readConfigFiles, systemClock, wantsHelp } from "@legation/runtime";
import { type Agent, createAgent } from "./agent.js";
import { defineAgent } from "./config/definition.js";
import { agentOptions } from "./config/options.js";
import { type CaughtSignals, catchSignals } from "./signals.js";
import { openStateDir } from "./state-dir.js";

/** What the process gives the agent; `process` itself fits. */
export interface AgentIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown; readonly writableLength?: number; on?(event: "error", listener: () => void): unknown };
}

/** Bytes of log that wait for a slow reader, before further lines are dropped. */
const unreadLogLimit = 8 * 1024 * 1024;

const fileFlag = "--config";
const printFlag = "--print-config";

const help = {
  usage: "legation agent [--config service.yaml] [--print-config] [flags]",
  fileFlag,
  summary:
    "Runs beside one service instance: starts the service, checks its health, registers it in Consul, runs its Envoy, and on SIGTERM leaves without losing a request. A second SIGTERM hurries; SIGUSR2 ends the agent alone, for the next one to take over. --print-config shows every setting and where it comes from.",
  examples: [
    "legation agent --config service.yaml",
    "SERVICE_NAME=orders SERVICE_PORT=8080 legation agent",
    "legation agent --config service.yaml --print-config",
  ],
};

/**
 * Runs the agent until it has left. Resolves to the exit code: the service's own after a stop, 0 after `--help`, 2 for a wrong configuration,
 * 1 when the agent could not begin.
 */
export async function runAgent(argv: readonly string[], io: AgentIo): Promise<number> {
  if (wantsHelp(argv)) {
    io.stdout.write(helpText(agentOptions, help));
    return 0;
  }
  const signals = catchSignals();
  try {
    const file = readConfigFiles(argv, fileFlag);
    const loaded = loadConfig(agentOptions, { argv: argv.filter((word) => word !== printFlag), env: io.env, file, fileFlag });
    const config = defineAgent(loaded.values, loaded.origins, {
      hostname: hostname(),
      home: io.env["HOME"] ?? homedir(),
      interfaces: networkInterfaces(),
    });
    const printedConfig = printConfig(agentOptions, loaded.values, loaded.origins);
    if (argv.includes(printFlag)) {
      io.stdout.write(printedConfig);
      return 0;
    }
    const { consul, logLevel } = config.values;
    // Who reads the log may go away or stand still; the service must not notice.
    io.stderr.on?.("error", () => {});
    const destination = {
      write: (line: string) => void ((io.stderr.writableLength ?? 0) < unreadLogLimit && io.stderr.write(line)),
    };
    const log = createLogger({ name: "agent", level: logLevel, destination }).child({
      service: config.service.name,
      id: config.service.id,
    });
    const onProblem = (problem?: string): void => {
      if (problem === undefined) log.info({ event: "agent.state-written" }, "the state directory can be written again");
      else log.error({ event: "agent.state-unwritten", problem }, `the state directory cannot be written, the service goes on: ${problem}`);
    };
    const agent = await createAgent({
      config,
      printedConfig,
      env: io.env,
      hostname: hostname(),
      consul: createConsul({ ...consulOptionsFromEnv(io.env), maxConnections: 2, ...given(consul) }),
      stateDir: openStateDir(config.stateDir, onProblem),
      clock: systemClock,
      log,
    });
    return await untilStopped(agent, signals);
  } catch (error) {
    if (!(error instanceof LegationError)) throw error;
    io.stderr.write(`legation agent: ${error.message}\n`);
    return error.code === "config" || error.code === "consul.config" ? 2 : 1;
  } finally {
    signals.release();
  }
}

async function untilStopped(agent: Agent, signals: CaughtSignals): Promise<number> {
  const stopped = new Promise<number>((resolve, reject) => {
    signals.deliver((signal) => {
      if (signal === "SIGUSR2") agent.letGo(signal).then(resolve, reject);
      else if (signal !== "SIGHUP") agent.stop(signal).then(resolve, reject);
    });
  });
  await Promise.race([agent.begin(), stopped]);
  return await stopped;
}

function given(options: { address?: string; token?: string; tokenFile?: string }): {
  address?: string;
  token?: string;
  tokenFile?: string;
} {
  return Object.fromEntries(
    Object.entries(options).filter(([key, value]) => value !== undefined && ["address", "token", "tokenFile"].includes(key)),
  );
}
