/** `legation agent --all`: from the command line to the exit code. */
import { homedir, hostname, networkInterfaces } from "node:os";
import { join, resolve } from "node:path";
import { ConfigError, helpText, LegationError, type Logger, loadConfig, parseAddress, systemClock, wantsHelp } from "@legation/runtime";
import { createAgent } from "../agent.js";
import { type AgentIo, openLog, stateProblems } from "../agent-io.js";
import { pickPorts } from "../ports.js";
import { type CaughtSignals, catchSignals } from "../signals.js";
import { openStateDir } from "../state-dir.js";
import { type FleetApi, startFleetApi } from "./api.js";
import { consulClients } from "./consul-clients.js";
import { drawGraph } from "./drawing.js";
import { createFleet, type Fleet } from "./fleet.js";
import { keptPortsOf } from "./kept-ports.js";
import { type FleetValues, fleetOptions, sharedWords } from "./options.js";
import { namedPorts, type Plan, planFleet } from "./plan.js";
import { viewOf } from "./view.js";

const printConfigFlag = "--print-config";
const printGraphFlag = "--print-graph";
const jsonFlag = "--json";

const help = {
  usage: "legation agent --all DIRECTORY [--print-graph [--json] | --print-config] [flags]",
  summary:
    "Runs every service file of a directory under one agent, each service with its own Envoy, state and registration. A service starts when those of the directory that it requires serve; all leave in the reverse order. SIGHUP reads the directory again; SIGUSR2 ends the agent alone, for the next one to take over. --print-graph draws who starts after whom.",
  examples: ["legation agent --all services/", "legation agent --all services/ --print-graph"],
};

/** Runs until all services have left. Resolves to the highest of their exit codes, 0 after `--help`, 2 for a wrong configuration; rejects with a LegationError when it could not begin. */
export async function runFleet(argv: readonly string[], io: AgentIo): Promise<number> {
  if (wantsHelp(argv)) {
    io.stdout.write(helpText(fleetOptions, help));
    return 0;
  }
  const signals = catchSignals();
  try {
    const flags = argv.filter((word) => ![printConfigFlag, printGraphFlag, jsonFlag].includes(word));
    const { values } = loadConfig(fleetOptions, { argv: flags, env: io.env });
    const home = io.env["HOME"] ?? homedir();
    const stateDir = resolve(values.stateDir ?? join(home, ".local", "state", "legation", "all"));
    const plan = (): Plan =>
      planFleet(values.all ?? "", {
        env: io.env,
        argv: sharedWords(flags),
        stateDir,
        machine: { hostname: hostname(), home, interfaces: networkInterfaces() },
      });
    const first = plan();
    if (argv.includes(printGraphFlag)) return print(io, argv.includes(jsonFlag) ? graphJson(first) : drawGraph(first.graph));
    if (argv.includes(printConfigFlag))
      return print(io, first.services.map(({ file, printedConfig }) => `# ${file}\n${printedConfig}`).join("---\n"));
    return await run({ values, stateDir, first, plan, io, signals });
  } finally {
    signals.release();
  }
}

interface FleetRun {
  readonly values: FleetValues;
  readonly stateDir: string;
  readonly first: Plan;
  /** Reads the directory again. */
  readonly plan: () => Plan;
  readonly io: AgentIo;
  readonly signals: CaughtSignals;
}

async function run({ values, stateDir, first, plan, io, signals }: FleetRun): Promise<number> {
  const log = openLog(io, values.logLevel);
  const base = openStateDir(stateDir, stateProblems(log));
  const clients = consulClients(io, first.services.length);
  let api: FleetApi | undefined;
  try {
    const { admin } = await pickPorts(
      [{ key: "admin", address: values.admin, what: "the agent's API", flag: "--admin-addr" }] as const,
      base.kept.ports ?? {},
      { reserved: new Set([...namedPorts(first), ...first.services.flatMap(keptPortsOf)]) },
    );
    base.keep({ ports: { admin: parseAddress(admin)?.port ?? 0 } });
    const reload = async () => await fleet.follow(plan());
    const started = await startFleetApi(admin, { view: () => viewOf(fleet, started.placeOf), reload });
    api = started;
    const fleet = createFleet({
      plan: first,
      keptPorts: keptPortsOf,
      stopLimit: values.stopLimit,
      clock: systemClock,
      log,
      open: async (planned, seat) => {
        const { config, printedConfig } = planned;
        const { service, values: own } = config;
        const serviceLog = log.child({ service: service.name, id: service.id }, { level: own.logLevel });
        const serviceDir = openStateDir(config.stateDir, stateProblems(serviceLog));
        try {
          return await createAgent({
            config,
            printedConfig,
            env: io.env,
            hostname: hostname(),
            consul: clients.of(planned),
            stateDir: serviceDir,
            clock: systemClock,
            log: serviceLog,
            seat: { ...seat, api: started.placeOf(service.id), serve: (parts) => started.mount(service.id, parts) },
          });
        } catch (error) {
          serviceDir.close();
          throw error;
        }
      },
    });
    log.info(
      { event: "fleet.begins", admin: started.address, services: first.services.map(({ config }) => config.service.id) },
      `${first.services.length} services from ${values.all}; the API is at http://${started.address}/v1/services`,
    );
    fleet.begin();
    const code = await untilStopped(fleet, signals, reload, log);
    log.info({ event: "fleet.stopped", code }, `all services have left, with code ${code}`);
    return code;
  } finally {
    await api?.close();
    clients.close();
    base.close();
  }
}

async function untilStopped(fleet: Fleet, signals: CaughtSignals, reload: () => Promise<unknown>, log: Logger): Promise<number> {
  return await new Promise<number>((resolve, reject) => {
    signals.deliver((signal) => {
      if (signal === "SIGUSR2") fleet.letGo(signal).then(resolve, reject);
      else if (signal !== "SIGHUP") fleet.stop(signal).then(resolve, reject);
      else
        reload().catch((error: Error) => {
          if (!(error instanceof LegationError)) return reject(error);
          const problems = error instanceof ConfigError ? error.problems : [error.message];
          log.error({ event: "fleet.refused", problems }, `the directory is not taken up, everything goes on as it was: ${error.message}`);
        });
    });
  });
}

function print(io: AgentIo, text: string): number {
  io.stdout.write(text);
  return 0;
}

function graphJson({ graph }: Plan): string {
  const layers = graph.layers.map((layer) =>
    layer.map(({ id, service, file, dependencies }) => ({ id, service, file, dependencies: [...dependencies] })),
  );
  return `${JSON.stringify({ layers }, null, 2)}\n`;
}
