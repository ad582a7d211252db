/** The agent of one service instance: its parts put together, begun in the start order and ended in the stop order of DRAIN.md. */
import type { Consul } from "@legation/consul";
import { type Clock, LegationError, type Logger, Registry } from "@legation/runtime";
import { envoyRuns, pickAddresses } from "./addresses.js";
import { accessOf, contactOf } from "./admin/contact.js";
import { bookEvents } from "./admin/event-book.js";
import { readinessOf, trafficParts } from "./admin/parts.js";
import type { AdminParts } from "./admin/routes.js";
import { type AdminServer, startAdminServer } from "./admin/server.js";
import { becomesLive, readyToStart } from "./arrival.js";
import { createCallers } from "./callers.js";
import { setUpChannel } from "./channel/setup.js";
import type { Changes } from "./config/change.js";
import type { AgentConfig } from "./config/definition.js";
import { depart } from "./departure.js";
import { createAnswered } from "./envoy/answered.js";
import { keptBaseId } from "./envoy/handover.js";
import { createEnvoyLines } from "./envoy/output-line.js";
import { endLeftEnvoy, envoyBinaryOf, setUpEnvoy } from "./envoy/setup.js";
import { createFigures } from "./figures/figures.js";
import { checkNow } from "./health/health-status.js";
import { createDeniedCalls } from "./identity/denied-calls.js";
import { setUpMigration, warnOfExposure } from "./identity/migration-setup.js";
import { envoyFilesOf, setUpIdentity } from "./identity/setup.js";
import type { Instance } from "./instance.js";
import { createSteps } from "./leave/step.js";
import { mergedMetrics } from "./metrics-page.js";
import { learnNodeName } from "./node-name.js";
import { followOutput, type OutputFollower } from "./process/output.js";
import { createPublisher } from "./publish.js";
import { launchFor, reconfigure, relaunch } from "./reconfigure.js";
import { createConsulAgent } from "./registrar/consul-agent.js";
import { setUpRegistrar } from "./registrar/setup.js";
import { type Reloaded, type Reread, reload } from "./reload.js";
import type { Seat } from "./seat.js";
import type { ServiceManager } from "./service-manager.js";
import type { StateDir } from "./state-dir.js";
import { statusOf } from "./status.js";
import { createSupervision } from "./supervision.js";
import type { RestartPolicy, Transition } from "./supervisor/state.js";
import { createTelemetry } from "./telemetry.js";
import { createTraffic } from "./traffic.js";
import { agentVersion } from "./version.js";

/** What an agent is made of. */
export interface AgentOptions {
  readonly config: AgentConfig;
  /** As `--print-config` writes it. */
  readonly printedConfig: string;
  /** Reads the configuration again; absent where somebody else does that and begins anew. Throws a LegationError when it is wrong. */
  readonly reread?: (before: AgentConfig) => Reread;
  /** Absent where others share the process. */
  readonly manager?: ServiceManager;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly hostname: string;
  readonly consul: Consul;
  readonly stateDir: StateDir;
  readonly clock: Clock;
  readonly log: Logger;
  /** Given where the instance shares its process with others. */
  readonly seat?: Seat;
}

/** An agent. */
export interface Agent {
  readonly instance: Instance;
  /** Goes through the start order; resolves when the service has been started or adopted. Rejects with a LegationError when the agent cannot work at all (a port is taken, no Envoy): what ran before goes on running. */
  begin(): Promise<void>;
  /** Leaves in the stop order and resolves to the exit code. A second call hurries the first one. */
  stop(cause: string): Promise<number>;
  /** Reads the configuration again and puts into effect what can be; undefined where it cannot be read again. */
  reload(cause: string): Reloaded | undefined;
  /** Ends the agent alone: service and Envoy go on, Consul is told nothing, and the next agent adopts both. Resolves to 0; while it is leaving, to what `stop` does. */
  letGo(cause: string): Promise<number>;
}

/** Picks the ports and puts the parts together; nothing is started before `begin`. */
export async function createAgent(options: AgentOptions): Promise<Agent> {
  const { config, clock, stateDir, env, hostname, seat, manager } = options;
  const { log, book } = bookEvents(options.log, () => clock.now());
  const { service, values } = config;
  const addresses = await pickAddresses(config, stateDir, seat);
  const launched = launchFor({ addresses, stateDir, clock, log }, config, env);
  const launch = launched?.launch;
  const policy: RestartPolicy = {
    ...values.restart,
    get autoRecovery() {
      return instance.config.values.health.autoRecovery;
    },
    owned: launch !== undefined,
  };
  let { printedConfig } = options;
  const metrics = new Registry();
  const telemetry = createTelemetry(metrics, service, () => statusOf(instance));
  const stopping = new AbortController();
  const hurry = new AbortController();
  const followers: OutputFollower[] = [];
  let admin: AdminServer | undefined;
  let begun: Promise<void> = Promise.resolve();
  let stopped: Promise<number> | undefined;

  const { health, supervisor } = createSupervision({
    config,
    launched,
    policy,
    env,
    stateDir,
    clock,
    log,
    startTimeout: () => instance.config.values.health.startTimeout,
    onResult: (result) => telemetry.checked(result),
    onTransition: (transition) => onTransition(transition),
    onChange: () => publish(),
  });

  const identity = setUpIdentity({ ...options, log, onChange: () => identityChanged() });
  const instance: Instance = {
    config,
    addresses,
    agentVersion,
    stateDir,
    clock,
    log,
    supervisor,
    health,
    node: stateDir.kept.node ?? "",
    identity,
    denied: createDeniedCalls({ service: service.name, registry: metrics, clock, log }),
    answered: createAnswered({ admin: () => instance.envoy?.admin, clock }),
    figures: createFigures({ protocol: service.protocol, clock, log, onChange: () => publish() }),
    envoy: undefined,
    registrar: undefined,
    channel: undefined,
    callers: undefined,
    migration: undefined,
    missing: [],
    steps: createSteps(clock, log),
  };
  const tell = createPublisher(instance);
  const publish = (): void => {
    tell();
    instance.migration?.look();
    instance.callers?.look();
    seat?.changed();
    tellManager();
  };
  const tellManager = (): void => {
    const { ready, reason } = readinessOf(instance);
    if (ready) manager?.ready(`${service.id} serves`);
    else manager?.status(`${service.id}: ${reason}`);
  };
  const identityChanged = (): void => {
    instance.envoy?.renew("its certificate, or the way to the control planes, is another");
    publish();
  };
  instance.callers = createCallers(instance, publish);
  const traffic = createTraffic(instance, policy, hurry.signal);

  const onTransition = ({ to }: Transition): void => {
    telemetry.transition(to);
    if (to === "running" || to === "draining") instance.registrar?.arrive();
    if (to === "running" && instance.migration?.progress.tls === "required") void warnOfExposure(instance);
    if (to === "draining") traffic.healthyAgain();
  };

  const follow = (name: string, event: string, onLine = (line: string): void => log.info({ event, line }, line)): void => {
    const path = stateDir.file(`${name}.log`);
    const onDropped = (bytes: number): void =>
      log.warn({ event: `${event}-dropped`, bytes }, `${bytes} bytes of output came faster than they could be logged, and are lost`);
    followers.push(followOutput({ path, offsetPath: `${path}.offset`, clock, onLine, onDropped }));
  };

  const start = async (): Promise<void> => {
    const binary = values.envoy.enabled ? envoyBinaryOf(config, env) : undefined;
    const contact = contactOf(stateDir.path, addresses.admin);
    const serve = seat?.serve ?? ((parts, access) => startAdminServer(addresses.admin, parts, access, values.metricsAddress));
    const parts: AdminParts = {
      status: () => statusOf(instance),
      config: () => printedConfig,
      ready: () => readinessOf(instance),
      ...trafficParts(instance, traffic, stopping.signal),
      checkNow: () => checkNow(health, clock.now),
      reload: () => self.reload("asked over the API"),
      metrics: mergedMetrics(metrics, { service: service.name, envoy: () => instance.envoy?.admin.figures(), url: values.metrics }),
      events: book,
    };
    admin = await serve(parts, accessOf(contact, stateDir.path));
    stateDir.writeContact(contact);
    const wasHealthy = stateDir.kept.healthy ?? false;
    const adopted = supervisor.adopt();
    if (!adopted) stateDir.removeReady();
    follow("app", "service.output");
    const consul = createConsulAgent(options.consul);
    const onWait = (reason: string, error = false): void => {
      if (reason === supervisor.state.reason) return;
      if (supervisor.state.phase === "waiting") log.info({ event: "service.waiting", cause: reason }, `still waiting: ${reason}`);
      supervisor.dispatch({ kind: "wait", reason, error });
    };
    instance.node = values.discovery
      ? await learnNodeName({ consul, stateDir, hasty: adopted, clock, log, signal: stopping.signal, onWait })
      : hostname;
    await identity.begin(adopted, stopping.signal, onWait);
    const continued = adopted || envoyRuns(stateDir);
    if (binary !== undefined) {
      follow("envoy", "envoy.output", createEnvoyLines(instance));
      instance.envoy = setUpEnvoy({
        config,
        binary,
        node: instance.node,
        addresses,
        env,
        file: stateDir.file,
        identity: () => envoyFilesOf(identity),
        baseId: keptBaseId(stateDir),
        clock,
        log,
        onChange: () => {
          if (instance.envoy?.runner.state.phase === "down") identity.look();
          publish();
        },
      });
      await instance.envoy.runner.begin();
      instance.figures.begin(instance.envoy);
      await traffic.freshEnvoy();
    } else await endLeftEnvoy(stateDir.file, leftEnvoyMs, clock);
    if (values.discovery) {
      instance.migration = setUpMigration(instance, {
        adopted: continued,
        onMode: () => relaunch(instance, env),
        onChange: publish,
      });
      instance.registrar = setUpRegistrar(instance, consul, hostname, publish);
    }
    traffic.keepMaintenance();
    instance.channel = setUpChannel(instance, traffic, options.consul);
    if (adopted) {
      await becomesLive(instance, adoptedLiveMs);
      health.begin(wasHealthy ? "HEALTHY" : "UNKNOWN");
      supervisor.dispatch({ kind: "adopt", cause: "adopted from the agent before" });
    }
    publish();
    instance.registrar?.begin();
    instance.channel.begin();
    instance.migration?.begin();
    if (adopted) return;
    instance.dependencyWaitMs = await readyToStart(
      {
        ...(instance.envoy ? { envoy: instance.envoy } : {}),
        ...(seat ? { seat } : {}),
        dependencies: service.dependencies,
        dependencyTimeout: values.dependencyTimeout,
        clock,
        log,
        onWait: (reason, missing, error) => {
          instance.missing = missing;
          if (reason !== "") onWait(reason, error);
        },
      },
      stopping.signal,
    );
    supervisor.dispatch({
      kind: "start",
      cause: values.envoy.enabled ? "Envoy and the required dependencies are there" : "nothing to wait for",
    });
  };

  const goodbye = async (cause: string): Promise<number> => {
    manager?.stopping();
    stopping.abort(new LegationError("agent.stopping", cause));
    await begun.catch(() => undefined);
    instance.migration?.stop();
    const code = await depart(instance, traffic, cause, hurry.signal);
    await close();
    log.info({ event: "agent.stopped", code }, `stopped with code ${code}`);
    return code;
  };

  const close = async (): Promise<void> => {
    await manager?.close();
    supervisor.letGo();
    health.close();
    await traffic.close();
    instance.callers?.stop();
    identity.stop();
    instance.migration?.stop();
    instance.registrar?.stop();
    instance.envoy?.admin.close();
    for (const follower of followers) follower.stop();
    instance.denied.stop();
    instance.answered.stop();
    instance.figures.stop();
    options.consul.close();
    await admin?.close();
    stateDir.close();
  };

  const self: Agent = {
    instance,
    async begin() {
      begun = start();
      try {
        await begun;
      } catch (error) {
        if (stopping.signal.aborted) return;
        await close();
        throw error;
      }
    },
    stop(cause) {
      if (stopped) {
        log.warn({ event: "agent.hurried", cause }, `${cause} again: waiting no longer`);
        hurry.abort();
      } else log.info({ event: "agent.stopping", cause }, `stopping: ${cause}`);
      stopped ??= goodbye(cause);
      return stopped;
    },
    reload(cause) {
      const { reread } = options;
      if (!reread) return undefined;
      if (stopped) return { ok: false, problem: "the agent is stopping and reads nothing any more" };
      manager?.reloading();
      const prepare = (next: Reread, changes: Changes) => {
        const apply = reconfigure(instance, env, publish, next, changes);
        return () => {
          apply();
          printedConfig = next.printed;
        };
      };
      const reloaded = reload({ instance, reread, prepare, cause });
      tellManager();
      return reloaded;
    },
    letGo(cause) {
      stopped ??= (async () => {
        log.info({ event: "agent.letting-go", cause }, `${cause}: the agent ends, service and Envoy go on`);
        stopping.abort(new LegationError("agent.stopping", cause));
        await begun.catch(() => undefined);
        await instance.channel?.stop();
        await close();
        return 0;
      })();
      return stopped;
    },
  };
  return self;
}

const adoptedLiveMs = 3_000;
const leftEnvoyMs = 5_000;
