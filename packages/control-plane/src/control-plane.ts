/**
 * One control plane, put together: Consul → source → feed → reconciler → cache → xDS streams, with the HTTP API beside it.
 *
 * Everything that listens or runs is handed to the lifecycle as it is made, and so ends in the reverse order.
 */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { createConsul } from "@legation/consul";
import { identityPolicies, trafficPolicies } from "@legation/mesh/policy";
import { type Clock, formatAddress, type Lifecycle, type Logger } from "@legation/runtime";
import { createResourceCache, createXdsServer, type XdsPort } from "@legation/xds";
import { createSecureServer } from "./api/secure-server.js";
import { createApi, listenApi } from "./api/server.js";
import { createCanarySetup } from "./canary/setup.js";
import { createCommander } from "./channel/commander.js";
import { createCommandDirectory } from "./channel/commands.js";
import { createFanOut } from "./channel/fan-out.js";
import { createIdentityOrders } from "./channel/identity-orders.js";
import { createProve } from "./channel/proof.js";
import { createReports } from "./channel/reports.js";
import { addressOf, type ControlPlaneConfig, consulOptions, isLoopback, servesPlaintext } from "./config.js";
import { createProxyEvents } from "./events/proxy-events.js";
import { createEventSetup } from "./events/setup.js";
import { createCheckTimes } from "./explain/check-times.js";
import { createExplaining } from "./explain/setup.js";
import { warnOfExposure } from "./exposure.js";
import { createFigures } from "./figures/setup.js";
import { createLedgerSetup } from "./ledger/setup.js";
import { createOverview } from "./overview.js";
import { policyParts } from "./policies/parts.js";
import { createPolicies } from "./policies/setup.js";
import { createPresence } from "./presence.js";
import { createProxyParts } from "./proxies/setup.js";
import { createKeptQuarantine } from "./quarantine/kept-quarantine.js";
import { quarantineView } from "./quarantine/words.js";
import { createNodes } from "./reconcile/nodes.js";
import { createReconciler, type Reconciler } from "./reconcile/reconciler.js";
import { createAskReplica } from "./replicas/ask-replica.js";
import { createReplicas } from "./replicas/directory.js";
import { createGather } from "./replicas/gather.js";
import { createAccessControl } from "./security/access-control.js";
import { createSecurityEvents } from "./security/events.js";
import { createOwnLeafSetup } from "./security/own-leaf-setup.js";
import { createRefusedCalls } from "./security/refused-calls.js";
import { createXdsAccess } from "./security/xds-access.js";
import { createSources } from "./sources/setup.js";
import { readCatalogFile } from "./state/catalog-file.js";
import { listenKept, readKeptPorts, writeKeptPorts } from "./state/kept-ports.js";
import { announce, type Ready, removeReady } from "./state/ready-file.js";
import { keep, openStateDir, sweepStateDir } from "./state/state-dir.js";
import { lockStateDir } from "./state/state-lock.js";
import { createStatusSetup } from "./status/setup.js";
import { createGrpcCallBook } from "./telemetry/grpc-calls.js";
import { createTelemetry } from "./telemetry/setup.js";
import { recordXdsEvent } from "./telemetry/xds-log.js";
import { version } from "./version.js";
import { openXdsPort } from "./xds-port.js";

/** How long streams are given to move to another replica when this one stops; milliseconds. */
const streamGrace = 1_000;

/** What a control plane is made of. */
export interface ControlPlaneOptions {
  readonly config: ControlPlaneConfig;
  readonly stateDir: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Ends everything that is started. */
  readonly lifecycle: Lifecycle;
}

/**
 * Starts a control plane; resolves once it listens, whether Consul answers or not. Throws a LegationError that says what to do when the
 * state directory or an address cannot be had.
 */
export async function startControlPlane(o: ControlPlaneOptions): Promise<Ready> {
  const { config, stateDir, clock, log, lifecycle } = o;
  const xdsAt = addressOf(config.xds.address);
  const httpAt = addressOf(config.http.address);
  const plaintext = servesPlaintext(config, xdsAt.host);
  await openStateDir(stateDir);
  lifecycle.onStop("state lock", 1_000, await lockStateDir(stateDir, log));
  await sweepStateDir(stateDir, log);
  await removeReady(stateDir);
  const kept = await readKeptPorts(stateDir, log);
  const catalogPath = join(stateDir, "catalog.json");
  const saved = await readCatalogFile(catalogPath, { datacenter: config.datacenter, clock, log });

  const consul = createConsul(consulOptions(config));
  lifecycle.onStop("consul", 1_000, () => consul.close());
  const cache = createResourceCache();
  const replica = randomUUID();
  const ports = { xds: 0, http: httpAt.port || (kept["http"] ?? 0) };
  const address = () => formatAddress(httpAt.host, ports.http);
  const telemetry = createTelemetry(() => overview.readings(), config.http.metricsServices);
  const { registry, metrics } = telemetry;
  const events = await createEventSetup({ stateDir, replica, address, metrics: registry, lifecycle, clock, log });
  const commands = createCommandDirectory();
  const securityEvents = createSecurityEvents({ log, metrics: registry, clock, events });
  const refusedCalls = createRefusedCalls({ perMinute: config.deniedRate, events: securityEvents, clock });
  const reports = createReports(clock, (report) => {
    telemetry.reported(report);
    refusedCalls.add(report);
    canary.take(report);
    figures.book.take(report);
    events.agents.take(report);
  });
  const orders = createIdentityOrders((service) => reconciler.identity(service)?.mode);
  const streams = (wanted?: (node: string) => boolean) => xds.status(wanted);
  const quarantine = await createKeptQuarantine({ cache, streams, events, stateDir, lifecycle, clock, log });
  const quarantined = () => quarantine.list().map(quarantineView);
  const ledger = await createLedgerSetup({ cache, stateDir, saved, registry, quarantined: quarantine.list, lifecycle, clock, log });
  const canary = createCanarySetup({
    ...{ consul, cache: quarantine.cache, streams, own: replica, events, lifecycle, clock, log },
    mesh: () => reconciler,
    policies: () => policies,
    refresh: (node) => xds.refresh(node),
    others: () => replicas.others(),
    ask: (...asked) => ask(...asked),
    audit: () => access.audit,
  });
  const checkTimes = createCheckTimes({ service: (name) => reconciler.service(name), clock });
  const reconciler: Reconciler = createReconciler({
    cache: quarantine.cache,
    events,
    ledger: ledger.ledger,
    metrics,
    shares: () => figures.shares,
    leaving: { consulAnswers: () => sources.catalog.status().connected, atWork: reports.atWork },
    caughtUp() {
      quarantine.settled();
      canary.update();
    },
    changed: checkTimes.following(canary.changed),
    startingBy(service, own) {
      const good = quarantine.goodPolicies(service, own);
      return good && trafficPolicies(good);
    },
    identified: () => xds.refresh(),
    policiesChanged: () => orders.changed(),
    clock,
    log,
  });
  lifecycle.onStop("reconciler", 1_000, () => reconciler.stop());

  const figures = await createFigures({ stateDir, reconciler, events, refresh: () => xds.refresh(), lifecycle, clock, log });
  const policies = await createPolicies({
    directory: config.policies,
    approvalKeys: config.approvalKeys,
    stateDir,
    consul,
    apply(set) {
      quarantine.setPolicies(set);
      ledger.sources.policies(policies.live.status().bundle, config.policies === undefined, () =>
        reconciler.setPolicies(identityPolicies(set.of("Identity")), trafficPolicies(set)),
      );
      canary.update();
    },
    settled: () => xds.refresh(),
    events,
    security: securityEvents,
    lifecycle,
    clock,
    log,
  });

  const sources = createSources({
    ...{ config, consul, saved, path: catalogPath, reconciler, events, ledger: ledger.sources, lifecycle, clock, log },
    refresh: () => xds.refresh(),
  });
  const { feed, catalog, intentions } = sources;

  const api = createSecureServer({ events: securityEvents, clock });
  const ownLeaf = await createOwnLeafSetup({
    ...{
      consul,
      stateDir,
      datacenter: config.datacenter,
      events: securityEvents,
      teller: events,
      metrics: registry,
      lifecycle,
      clock,
      log,
    },
    onChange({ tls }) {
      xdsPort.renew(tls);
      api.renew(tls);
      presence.changed();
    },
  });
  const certificate = ownLeaf.current;
  const nodes = createNodes({
    reconciler,
    ready: () =>
      feed.status().served &&
      figures.settled() &&
      policies.live.settled &&
      intentions.settled() &&
      canary.settled() &&
      reconciler.identityKnown(),
    canary: canary.mesh.view,
    clock,
    log,
  });
  const calls = createGrpcCallBook({ metrics, clock });
  const proxyEvents = createProxyEvents(events, reconciler.serviceOf);
  const xds = createXdsServer({
    cache,
    loadReports: calls.reporting,
    view: (node) => nodes.view(node),
    ...createXdsAccess({ certificate, plaintext, serviceOf: reconciler.serviceOf, events: securityEvents }),
    onEvent(event) {
      nodes.take(event);
      recordXdsEvent(event, { metrics, log });
      proxyEvents(event);
      // What a canary's proxy refuses speaks against the canary alone.
      if (event.kind !== "nack" || !canary.mesh.has(event.node)) quarantine.take(event);
      ledger.ledger.take(event);
    },
    onPublication: ledger.ledger.publication,
    clock,
  });
  policies.restore();
  if (saved) reconciler.setTrust(saved.trust);
  lifecycle.onStop("xds", streamGrace + 4_000, () => xds.stop({ graceMs: streamGrace }));

  const replicasKnown = (): void => {
    figures.replicasKnown();
    events.replicas(replicas.others());
  };
  const replicas = createReplicas({ consul, own: replica, onKnown: replicasKnown, clock, log });
  lifecycle.onStop("replicas", 1_000, () => replicas.stop());
  const prove = createProve({
    reconciler: ledger.sources.notices(reconciler),
    canary: canary.mesh.routed,
    nodes,
    cache,
    acknowledged: (...wanted) => xds.acknowledged(...wanted),
    clock,
  });
  const ask = createAskReplica(certificate, () => consul.token());
  figures.relay(replicas.others, ask);
  events.relay(ask);
  const { others } = replicas;
  const gather = createGather({ others, ask });
  const fanOut = createFanOut({ own: replica, prove, others, ask, clock, log });
  const commander = createCommander({ own: replica, commands, others, ask, clock });
  const status = createStatusSetup({
    ...{ reports, commander, commands, reconciler, gather, streams, lifecycle, clock, log },
    breakers: figures.breakers,
    quarantined: () => quarantine.list(),
    consul: catalog.status,
  });
  const overview = createOverview({
    reconciler,
    feed,
    nodes,
    source: catalog,
    policies: policies.live.status,
    replicas: () => replicas.others().length + 1,
    policiesRefused: () => !policies.live.settled && policies.live.status().refused,
    streams,
    quarantined: () => quarantine.list().length,
    reports,
    commands,
    clock,
    consulAddress: consul.address,
    xdsAddress: () => formatAddress(xdsAt.host, ports.xds),
  });
  const access = await createAccessControl({ config, stateDir, exposed: !isLoopback(httpAt.host), metrics: registry, clock, log });
  lifecycle.onStop("access control", 2_000, () => access.stop());
  const app = await createApi({
    server: api,
    peers: { certificate, events: securityEvents },
    health: { replica, address, health: overview.health, gather },
    services: { ...reconciler, report: status.reports.of, refresh: status.reports.refresh, breakers: figures.breakers.of },
    status,
    intentions: reconciler,
    ...createProxyParts({
      ...{ xds, nodes, calls: calls.of, quarantined: quarantine.list, reconciler, gather, commander, commands, address, clock },
      reports: status.reports,
    }),
    events,
    explain: createExplaining({
      ...{ reconciler, nodes, streams, cache, quarantine, gather, clock, health: overview.health },
      ...{ canary: canary.mesh.view, book: figures.book, times: checkTimes, policies: policies.live.policies },
    }),
    ledger: ledger.asker(gather, address),
    securityEvents,
    audit: access.audit,
    access: { mode: access.mode, decisions: access.decisions, ownerOf: reconciler.serviceOf, agentRefused: status.agentRefused },
    rateLimit: config.http.rateLimit,
    metricsOpen: config.http.metricsOpen,
    registry,
    metrics: telemetry.page({ services: reconciler.services, report: reports.of, breakers: figures.breakers.of }),
    reports,
    commands,
    commander,
    orders,
    routing: fanOut.answer,
    serves: reconciler.serves,
    successThreshold: (service) => reconciler.settings(service).circuitBreaker.successThreshold,
    figures: figures.book,
    policies: policyParts({ policies, quarantined, gather, canary, reconciler, nodes, replicas, ask, streams, address, clock }),
    release: (service) => catalog.release(service),
    clock,
    log,
  });
  lifecycle.onStop("http", 2_000, async () => {
    commands.close();
    await app.close();
  });
  let xdsPort: XdsPort = { port: 0, renew: () => undefined };
  const listenXds = async (host: string, port: number) => {
    xdsPort = await openXdsPort(xds, formatAddress(host, port), securityEvents, log);
    return xdsPort.port;
  };
  ports.xds = await listenKept({ what: "xDS", ...xdsAt, kept: kept["xds"], log, listen: listenXds });
  ports.http = await listenKept({
    what: "the HTTP API",
    ...httpAt,
    kept: kept["http"],
    log,
    listen: (host, port) => listenApi(app, host, port),
  });
  await keep("the ports", writeKeptPorts(stateDir, ports), log);
  warnOfExposure({ xdsHost: xdsAt.host, plaintext, log });

  access.mode.start();
  policies.start();
  canary.start();
  sources.start();
  const entry = {
    http: { host: httpAt.host, port: ports.http },
    xds: formatAddress(xdsAt.host, ports.xds),
    version,
    replica,
    tls: () => certificate() !== undefined,
  };
  const presence = createPresence({ agent: consul.agent, entry, clock, log });
  ownLeaf.start();
  presence.start();
  replicas.start();
  lifecycle.onStop("registration", 3_000, () => presence.stop());
  const ready: Ready = { xds: entry.xds, http: `http://${formatAddress(httpAt.host, ports.http)}`, pid: process.pid };
  await announce(stateDir, ready, { lifecycle, log, more: { version, consul: consul.address } });
  return ready;
}
