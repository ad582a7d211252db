/** From the instance to its channel: what is reported to a control plane, and what its commands do. */
import type { Consul } from "@legation/consul";
import { type AgentReport, reportedTextLength } from "@legation/contract";
import { createBackoff } from "@legation/runtime";
import { adminUrl } from "../admin/address.js";
import { callsOf } from "../figures/calls.js";
import { reportedHealth } from "../health/health-status.js";
import type { Instance } from "../instance.js";
import { timestamp } from "../status.js";
import type { Traffic } from "../traffic.js";
import { type Channel, createChannel } from "./channel.js";
import { createContacts } from "./contacts.js";
import { commandHandlers } from "./handlers.js";
import { createObey } from "./obey.js";
import { reportedStanding } from "./standing.js";

/** Creates the channel of an instance. */
export function setUpChannel(instance: Instance, traffic: Traffic, consul: Pick<Consul, "get" | "token">): Channel {
  const { config, node, clock, log } = instance;
  const { service, values } = config;
  const contacts = createContacts({
    consul,
    certificates: () => instance.identity.directory,
    allServeTls: () => instance.identity.controlPlaneTls,
    clock,
    log,
  });
  const identity = { node, id: service.id, service: service.name };
  return createChannel({
    apis: values.controlPlane.api,
    contacts,
    identity,
    report: () => reportOf(instance),
    onReported({ denied = [] }, { successThresholds = {} }) {
      instance.denied.told(denied);
      instance.figures.learn(successThresholds);
    },
    onCommand: createObey({ handlers: commandHandlers(instance, traffic), identity, contacts, clock, log }),
    onMode: (mode) => instance.migration?.order(mode),
    clock,
    reportBackoff: createBackoff({ base: 1_000, max: 10_000 }),
    commandBackoff: createBackoff({ base: 500, max: 15_000 }),
    log,
  });
}

/** What is reported now. */
function reportOf(instance: Instance): AgentReport {
  const { config, node, agentVersion, addresses, supervisor, health, denied, answered, figures, envoy, dependencyWaitMs } = instance;
  const refused = denied.untold();
  const answers = answered.counts();
  const load = figures.load();
  // With its Envoy ends a caller, and what that had ejected.
  const breakers = envoy?.runner.state.phase === "down" ? [] : figures.breakers();
  const { phase, reason, since, restarts, lastRestart, lastError } = supervisor.state;
  const calls = callsOf(
    figures.sent(),
    config.service.dependencies.map(({ name }) => name),
  );
  return {
    node,
    id: config.service.id,
    service: config.service.name,
    agentVersion,
    state: phase,
    reason: reason.slice(0, reportedTextLength),
    since: timestamp(since),
    standing: reportedStanding(instance),
    ...(dependencyWaitMs === undefined ? {} : { dependencyWaitMs }),
    restartCount: restarts,
    ...(lastRestart === undefined ? {} : { lastRestart: timestamp(lastRestart) }),
    ...(lastError === undefined ? {} : { lastError: lastError.slice(0, reportedTextLength) }),
    health: reportedHealth(health),
    ...(refused.length > 0 ? { denied: refused } : {}),
    ...(answers ? { answers } : {}),
    ...(load ? { load } : {}),
    ...(breakers.length > 0 ? { breakers } : {}),
    ...(calls.length > 0 ? { calls } : {}),
    admin: adminUrl(addresses.admin),
  };
}
