/** The agent of one service instance: its parts put together, begun in the start order and ended in the stop order of DRAIN.md. */
import { readFileSync } from "node:fs";
import type { Consul } from "@legation/consul";
import { type AgentReport, type Command, splitAddress } from "@legation/contract";
import { type Clock, createBackoff, createRegistry, LegationError, type Logger } from "@legation/runtime";
import { type AdminServer, startAdminServer } from "./admin/server.js";
import { readyToStart } from "./arrival.js";
import { createChannel } from "./channel/channel.js";
import type { AgentConfig } from "./config/definition.js";
import { setUpEnvoy } from "./envoy/setup.js";
import { createHealth, probesOf } from "./health/health.js";
import type { Addresses, Instance } from "./instance.js";
import { leave } from "./leave/leave.js";
import { createSteps } from "./leave/step.js";
import { learnNodeName } from "./node-name.js";
import { pickPorts } from "./ports.js";
import { followOutput, type OutputFollower } from "./process/output.js";
import { createPublisher } from "./publish.js";
import { createConsulAgent } from "./registrar/consul-agent.js";
import { createRegistrar } from "./registrar/registrar.js";
import { registrationOf } from "./registrar/registration.js";
import type { StateDir } from "./state-dir.js";
import { statusOf, timestamp } from "./status.js";
import { launchOf } from "./supervisor/launch.js";
import type { RestartPolicy, Transition } from "./supervisor/state.js";
import { createSupervisor } from "./supervisor/supervisor.js";
import { createTelemetry } from "./telemetry.js";
import { createTraffic } from "./traffic.js";

/** The version that the agent reports. */
export const agentVersion = (JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string }).version;

/** What an agent is made of. */
export interface AgentOptions {
  readonly config: AgentConfig;
  /** As `--print-config` writes it. */
  readonly printedConfig: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly hostname: string;
  readonly consul: Consul;
  readonly stateDir: StateDir;
  readonly clock: Clock;
  readonly log: Logger;
}

/** An agent. */
export interface Agent {
  /** Goes through the start order; resolves when the service has been started or adopted. Rejects with a LegationError when the agent cannot work at all (a port is taken, no Envoy): what ran before goes on running. */
  begin(): Promise<void>;
  /** Leaves in the stop order and resolves to the exit code. A second call hurries the first one. */
  stop(cause: string): Promise<number>;
}

/** Picks the ports and puts the parts together; nothing is started before `begin`. */
export async function createAgent(options: AgentOptions): Promise<Agent> {
  const { config, clock, log, stateDir, env, hostname } = options;
  const { service, values } = config;
  const addresses = await pickAddresses(config, stateDir);
  const launch = launchOf(
    config,
    env,
    { admin: addresses.admin, ...(values.envoy.enabled ? { outbound: addresses.outbound } : {}) },
    stateDir.file,
  );
  const policy: RestartPolicy = { ...values.restart, autoRecovery: values.health.autoRecovery, owned: launch !== undefined };
  const metrics = createRegistry();
  const telemetry = createTelemetry(metrics, service.name);
  const stopping = new AbortController();
  const hurry = new AbortController();
  const followers: OutputFollower[] = [];
  let admin: AdminServer | undefined;
  let startLimit: { cancel(): void } | undefined;
  let begun: Promise<void> = Promise.resolve();
  let stopped: Promise<number> | undefined;

  const health = createHealth(probesOf(values), values.health, clock, (result) => {
    telemetry.checked(result);
    if (!result.ok) log.debug({ event: "service.check-failed", ...result }, result.message);
    if (health.level === "HEALTHY" || health.level === "DEGRADED") supervisor.dispatch({ kind: "healthy", cause: health.message });
    if (health.level === "UNHEALTHY") supervisor.dispatch({ kind: "unhealthy", cause: health.message });
    publish();
  });

  const supervisor = createSupervisor({
    ...(launch ? { launch } : {}),
    policy,
    stopTimeout: values.stopTimeout,
    kept: stateDir.kept,
    clock,
    log,
    onStarted: () => health.begin("UNKNOWN"),
    onChange: (_state, transition) => {
      if (!supervisor.alive) health.pause();
      if (transition) onTransition(transition);
      publish();
    },
  });

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
    envoy: undefined,
    registrar: undefined,
    channel: undefined,
    missing: [],
    steps: createSteps(clock, log),
  };
  const publish = createPublisher(instance, telemetry);
  const traffic = createTraffic(instance, policy, hurry.signal);

  const onTransition = ({ to }: Transition): void => {
    telemetry.transition(to);
    startLimit?.cancel();
    const { startTimeout } = values.health;
    if (to === "starting")
      startLimit = clock.timeout(startTimeout, () =>
        supervisor.dispatch({ kind: "unhealthy", cause: `not healthy within ${startTimeout} ms: ${health.message}` }),
      );
    if (to === "running" || to === "draining") instance.registrar?.arrive();
    if (to === "draining") traffic.healthyAgain();
  };

  const onCommand = (command: Command): void => {
    const cause = `command ${command.kind} of the control plane`;
    const problem = command.kind === "restart" ? traffic.restart(cause, command.force ?? false) : undefined;
    if (problem) log.warn({ event: "service.restart-refused", problem }, `the restart is refused: ${problem}`);
    if (command.kind === "check-now") void health.checkNow();
    if (command.kind === "drain") void traffic.drain(cause);
    if (command.kind === "undrain")
      traffic.undrain(cause).catch((error: Error) => log.error({ event: "service.undrain-failed" }, error.message));
  };

  const report = (): AgentReport => {
    const { phase, restarts, lastRestart, lastError } = supervisor.state;
    return {
      node: instance.node,
      id: service.id,
      service: service.name,
      agentVersion,
      state: phase,
      restartCount: restarts,
      ...(lastRestart === undefined ? {} : { lastRestart: timestamp(lastRestart) }),
      ...(lastError === undefined ? {} : { lastError: lastError.slice(0, reportedErrorLength) }),
      admin: `http://${addresses.admin}`,
    };
  };

  const follow = (name: string, event: string): void => {
    const path = stateDir.file(`${name}.log`);
    followers.push(followOutput({ path, offsetPath: `${path}.offset`, clock, onLine: (line) => log.info({ event, line }, line) }));
  };

  const start = async (): Promise<void> => {
    admin = await startAdminServer(addresses.admin, {
      status: () => statusOf(instance),
      config: () => options.printedConfig,
      drain: () => traffic.drain("asked over the API"),
      undrain: () => traffic.undrain("asked over the API"),
      restart: (force) => traffic.restart("asked over the API", force),
      checkNow: () => health.checkNow(),
      metrics,
    });
    const wasHealthy = stateDir.kept.healthy ?? false;
    const adopted = supervisor.adopt();
    follow("app", "service.output");
    const consul = createConsulAgent(options.consul);
    const onWait = (reason: string, error = false): void => {
      if (reason !== supervisor.state.reason) supervisor.dispatch({ kind: "wait", reason, error });
    };
    instance.node = values.discovery
      ? await learnNodeName({ consul, stateDir, hasty: adopted, clock, log, signal: stopping.signal, onWait })
      : hostname;
    if (values.envoy.enabled) {
      follow("envoy", "envoy.output");
      instance.envoy = setUpEnvoy({
        config,
        node: instance.node,
        addresses,
        env,
        file: stateDir.file,
        clock,
        log,
        onChange: publish,
      });
      await instance.envoy.runner.begin();
      await traffic.freshEnvoy();
    }
    if (values.discovery) {
      const mesh = values.envoy.enabled ? splitAddress(addresses.inbound) : undefined;
      const identity = { owner: `${stateDir.uuid}@${hostname}`, ...(mesh ? { mesh } : {}) };
      instance.registrar = createRegistrar({
        consul,
        registration: (reports) => registrationOf(service, identity, reports),
        heartbeat: values.heartbeat,
        compare: Math.min(values.consul.compare, values.heartbeat),
        clock,
        backoff: createBackoff({ base: 250, max: Math.min(5_000, values.heartbeat) }),
        log,
        onChange: publish,
      });
    }
    instance.channel = createChannel({
      apis: values.controlPlane.api,
      identity: { node: instance.node, id: service.id, service: service.name },
      report,
      onCommand,
      clock,
      reportBackoff: createBackoff({ base: 1_000, max: 10_000 }),
      commandBackoff: createBackoff({ base: 500, max: 15_000 }),
      log,
    });
    if (adopted) {
      await becomesLive(instance, adoptedLiveMs);
      health.begin(wasHealthy ? "HEALTHY" : "UNKNOWN");
      supervisor.dispatch({ kind: "adopt", cause: "adopted from the agent before" });
    }
    publish();
    instance.registrar?.begin();
    instance.channel.begin();
    if (adopted) return;
    await readyToStart(
      {
        ...(instance.envoy ? { envoy: instance.envoy } : {}),
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
    stopping.abort(new LegationError("agent.stopping", cause));
    await begun.catch(() => undefined);
    startLimit?.cancel();
    const { registrar, envoy } = instance;
    const parts = traffic.parts();
    const serving = values.discovery ? (registrar?.state.registered ?? false) : health.level !== "UNKNOWN";
    supervisor.dispatch({ kind: "stop", cause });
    instance.steps = createSteps(clock, log);
    const code = await leave(
      {
        ...parts,
        serving: serving && supervisor.alive,
        endService: () => {
          health.pause();
          return supervisor.end(hurry.signal);
        },
        ...(registrar ? { deregister: () => registrar.leave(hurry.signal.aborted ? hurriedLeaveMs : leaveMs) } : {}),
        ...(envoy ? { stopEnvoy: () => envoy.runner.stop(envoyStopMs) } : {}),
      },
      traffic.limits,
      instance.steps,
      clock,
      hurry.signal,
    );
    supervisor.dispatch({ kind: "stopped", cause: `left with code ${code}` });
    await instance.channel?.stop();
    stateDir.keep({ envoyDrained: false, healthy: false });
    stateDir.removeReady();
    await close();
    log.info({ event: "agent.stopped", code }, `stopped with code ${code}`);
    return code;
  };

  const close = async (): Promise<void> => {
    health.close();
    instance.registrar?.stop();
    instance.envoy?.admin.close();
    for (const follower of followers) follower.stop();
    options.consul.close();
    await admin?.close();
    stateDir.close();
  };

  return {
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
  };
}

/** A control plane takes no longer ones. */
const reportedErrorLength = 1_000;
const leaveMs = 5_000;
const hurriedLeaveMs = 500;
const envoyStopMs = 5_000;
const adoptedLiveMs = 3_000;

async function pickAddresses({ values }: AgentConfig, stateDir: StateDir): Promise<Addresses> {
  const addresses = await pickPorts(
    [
      { key: "admin", address: values.admin, what: "the agent's API", flag: "--admin-addr" },
      { key: "inbound", address: values.envoy.inbound, what: "Envoy's inbound listener", flag: "--inbound-addr" },
      { key: "outbound", address: values.envoy.outbound, what: "Envoy's outbound listener", flag: "--outbound-addr" },
      { key: "envoyAdmin", address: values.envoy.admin, what: "Envoy's admin interface", flag: "--envoy-admin-addr" },
    ] as const,
    stateDir.kept.ports ?? {},
  );
  stateDir.keep({ ports: Object.fromEntries(Object.entries(addresses).map(([key, at]) => [key, splitAddress(at)?.port ?? 0])) });
  return addresses;
}

async function becomesLive({ envoy, clock }: Instance, limitMs: number): Promise<void> {
  const deadline = clock.monotonic() + limitMs;
  while (envoy && envoy.runner.state.phase !== "live" && clock.monotonic() < deadline) await clock.sleep(20);
}
