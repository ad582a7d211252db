/** The process that many instances live in: what they share is opened here once, and closed when the last of them has left. */
import { rmSync } from "node:fs";
import { hostname } from "node:os";
import { ConfigError, LegationError, type Logger, parseAddress, systemClock } from "@legation/runtime";
import { adminUrl } from "../admin/address.js";
import { accessOf, contactOf } from "../admin/contact.js";
import { type Agent, createAgent } from "../agent.js";
import { type AgentIo, openLog, stateProblems } from "../agent-io.js";
import { type Containers, createContainers } from "../containers/containers.js";
import { type ContainerSurroundings, defineContainer } from "../containers/definition.js";
import { createEngine, socketPathOf } from "../containers/engine.js";
import { catchCrashes, orCrash, tellCrash } from "../crash.js";
import { openRecord } from "../health/record.js";
import { pickPorts } from "../ports.js";
import type { Seat } from "../seat.js";
import type { CaughtSignals } from "../signals.js";
import { openStateDir, type StateDir } from "../state-dir.js";
import { type FleetApi, startFleetApi } from "./api.js";
import { type ConsulClients, consulClients } from "./consul-clients.js";
import { createFleet, type Fleet } from "./fleet.js";
import { keptPortsOf } from "./kept-ports.js";
import type { FleetValues } from "./options.js";
import { namedPorts, type Plan, type PlannedService } from "./plan.js";
import { createScopes } from "./scope.js";
import { untilStopped } from "./until-stopped.js";
import { viewOf } from "./view.js";

/** What the process runs with. */
export interface HostRun {
  readonly values: FleetValues;
  readonly stateDir: string;
  readonly first: Plan;
  /** Reads the directory again. Throws a ConfigError. */
  readonly plan: () => Plan;
  readonly surroundings: ContainerSurroundings;
  readonly io: AgentIo;
  readonly signals: CaughtSignals;
}

/**
 * Runs until all have left; resolves to the highest exit code. Rejects with a LegationError when nothing could begin. An error that nothing
 * handles is the affair of the service that it came from; from what all share it ends the agent with `crashCode`.
 */
export async function runHost(run: HostRun): Promise<number> {
  const log = openLog(run.io, run.values.logLevel);
  let fleet: Fleet | undefined;
  const crashed = new Promise<number>((resolve) =>
    catchCrashes((error) => {
      if (!fleet?.crash(error)) resolve(tellCrash(error, log));
    }),
  );
  const serving = serve(run, log, (created) => {
    fleet = created;
  });
  return await Promise.race([crashed, orCrash(serving, log)]);
}

async function serve(run: HostRun, log: Logger, onFleet: (fleet: Fleet) => void): Promise<number> {
  const { values, first, io } = run;
  const socket = values.containers === undefined ? undefined : socketPathOf(values.containers);
  const base = openStateDir(run.stateDir, stateProblems(log));
  const clients = consulClients(io, first.services.length);
  let api: FleetApi | undefined;
  try {
    const address = await adminAddress(values.admin, first, base);
    const containers = socket === undefined ? undefined : containersOf(run, socket, base, clients, log);
    const reload = () => fleet.follow(run.plan());
    const contact = contactOf(run.stateDir, address);
    const started = await startFleetApi(
      address,
      { view: () => viewOf(fleet, started.placeOf), reload, ...(containers ? { containers } : {}) },
      accessOf(contact, run.stateDir),
      values.metricsAddress,
    );
    base.writeContact(contact);
    api = started;
    const fleet = createFleet({
      plan: first,
      keptPorts: keptPortsOf,
      stopLimit: values.stopLimit,
      scopes: createScopes(),
      clock: systemClock,
      log,
      open: (planned, seat, latest) => openAgent(planned, { ...seat, ...seatAt(started, planned) }, latest, { clients, io, log }),
    });
    onFleet(fleet);
    log.info(
      { event: "fleet.begins", admin: address, services: first.services.map(({ config }) => config.service.id) },
      `${first.services.length} services; the API is at ${adminUrl(address)}`,
    );
    containers?.begin();
    fleet.begin();
    const code = await untilStopped({ fleet, containers, reload: () => reloadOnSignal(reload, log) }, run.signals);
    log.info({ event: "fleet.stopped", code }, `all have left, with code ${code}`);
    return code;
  } finally {
    await api?.close();
    clients.close();
    base.close();
  }
}

async function adminAddress(configured: string, first: Plan, base: StateDir): Promise<string> {
  const { admin } = await pickPorts(
    [{ key: "admin", address: configured, what: "the agent's API", flag: "--admin-addr" }] as const,
    base.kept.ports ?? {},
    { reserved: new Set([...namedPorts(first), ...first.services.flatMap(keptPortsOf)]) },
  );
  base.keep({ ports: { admin: parseAddress(admin)?.port ?? 0 } });
  return admin;
}

function seatAt(api: FleetApi, { config }: PlannedService): Pick<Seat, "api" | "serve"> {
  const { id } = config.service;
  return { api: api.placeOf(id), serve: (parts, access) => api.mount(id, parts, access) };
}

async function openAgent(
  planned: PlannedService,
  seat: Omit<Seat, "roots">,
  latest: () => PlannedService,
  { clients, io, log }: { readonly clients: ConsulClients; readonly io: AgentIo; readonly log: Logger },
): Promise<Agent> {
  const { config, printedConfig } = planned;
  const { service, values } = config;
  const serviceLog = log.child({ service: service.name, id: service.id }, { level: values.logLevel });
  const stateDir = openStateDir(config.stateDir, stateProblems(serviceLog));
  const { consul, roots } = clients.of(values.consul);
  try {
    return await createAgent({
      config,
      printedConfig,
      reread: () => {
        const now = latest();
        return { config: now.config, written: now.config.values, printed: now.printedConfig };
      },
      env: io.env,
      hostname: hostname(),
      consul,
      stateDir,
      clock: systemClock,
      log: serviceLog,
      seat: { ...seat, roots },
    });
  } catch (error) {
    stateDir.close();
    throw error;
  }
}

function containersOf(run: HostRun, socket: string, base: StateDir, clients: ConsulClients, log: Logger): Containers {
  return createContainers({
    engine: createEngine(socket),
    define: (container) => defineContainer(container, run.surroundings),
    consul: clients.of(run.values.consul).consul,
    owner: `${base.uuid}@${hostname()}`,
    recordOf: (containerId) => openRecord(base.file(`container-${containerId}.json`)),
    forget: (containerId) => rmSync(base.file(`container-${containerId}.json`), { force: true }),
    clock: systemClock,
    log,
  });
}

async function reloadOnSignal(reload: () => Promise<unknown>, log: Logger): Promise<void> {
  try {
    await reload();
  } catch (error) {
    if (!(error instanceof LegationError)) throw error;
    const problems = error instanceof ConfigError ? error.problems : [error.message];
    log.error({ event: "fleet.refused", problems }, `the directory is not taken up, everything goes on as it was: ${error.message}`);
  }
}
