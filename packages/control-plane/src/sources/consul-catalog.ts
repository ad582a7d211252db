/**
 * The services in Consul's catalog, told one by one as they change (DESIGN §4, "Watching").
 *
 *   health/state/critical, /warning ─ rows that appear are applied from themselves; services whose rows go are read
 *   catalog/services ──────────────── wakes on any change of a service row: new, gone and retagged names are read, the others swept
 *   catalog/nodes ─────────────────── services on nodes that changed their address are read
 *   sweep ─────────────────────────── a query for each service's index; those with another one are read
 *   read ──────────────────────────── health/service/<name> from the leader: the only thing that is believed when it says less
 *
 * Consul's lists by state wake on a change of a failing check only, never on the output of a passing one.
 */
import { type Answer, type Consul, ConsulError, type Watch, watch } from "@legation/consul";
import { instanceKey } from "@legation/contract";
import type { CatalogService, GuardLimits, Instance } from "@legation/mesh";
import { type Clock, codeOf, createBackoff, type Logger, messageOf } from "@legation/runtime";
import type { CatalogEvent, CatalogSource } from "./catalog-event.js";
import { createCatalogState } from "./catalog-state.js";
import { createCheckList } from "./check-list.js";
import { createComplaints } from "./complaints.js";
import { consulService, createConsulIdentity } from "./consul-identity.js";
import { type NodeRow, parseChecks, parseInstances, parseNodes, parseServiceList, type Registered } from "./consul-rows.js";
import { createLink, isCurrent } from "./link.js";
import { createPublisher } from "./publisher.js";
import { createReadQueue } from "./read-queue.js";
import { createSweep } from "./sweep.js";

/** What the source needs. */
export interface ConsulCatalogOptions {
  readonly consul: Pick<Consul, "get">;
  readonly clock: Clock;
  readonly log: Pick<Logger, "info" | "warn" | "error">;
  /** Called for each event, never twice at once. */
  onEvent(event: CatalogEvent): void;
  /** The last good state: what is told counts as told, and nothing of it is lost before a complete read. */
  readonly known?: { readonly services: readonly CatalogService[]; readonly servers?: readonly string[] };
  readonly guard?: GuardLimits;
  /** Connections for reads, and twice as many for sweeps; four more are for the watches. Default 4: 16 in all. */
  readonly concurrency?: number;
  /** A sweep happens at least this often, whatever the watches say. Default 60 s. */
  readonly sweepEvery?: number;
  readonly random?: () => number;
}

/** A tag that no service has, so that an answer holds no rows, and the service's index all the same. */
const noSuchTag = "legation:none";

/** Bytes per millisecond at which a list that keeps changing is read again: 10 MB/s. */
const listRate = 10_000;

/** A failure that goes on is said again after this time; milliseconds. */
const rarely = 600_000;

/** Least time between two reads of a list that costs Consul much whatever changed; milliseconds. */
const pace = { services: 100, nodes: 500 } as const;

/** Makes the source. */
export function createConsulCatalog(o: ConsulCatalogOptions): CatalogSource {
  const { clock, log, onEvent, concurrency = 4 } = o;
  const random = o.random ? { random: o.random } : {};
  const end = new AbortController();
  const state = createCatalogState(o.known?.services);
  const publisher = createPublisher({ known: o.known?.services ?? [], clock, onEvent, ...(o.guard ? { limits: o.guard } : {}) });
  const identity = createConsulIdentity(o.consul, o.known?.servers);
  const link = createLink(o.consul, clock);
  const queue = createReadQueue({ read, onError: readFailed, onIdle: idle, clock, concurrency, ...random });
  const sweep = createSweep({
    names: () => state.names(),
    hot: () => [...recent].reverse().filter((name) => state.indexOf(name) !== undefined),
    probe,
    onError: (error, retryInMs) =>
      complaints.about(`sweep ${codeOf(error)}`, (unsaid) =>
        log.warn({ event: "consul.sweep-failed", why: messageOf(error), retryInMs, unsaid }, "a sweep of the catalog broke off"),
      ),
    clock,
    concurrency: 2 * concurrency,
    every: o.sweepEvery ?? 60_000,
    ...random,
  });
  /** Services in the order of their last change, the newest last; bounded. */
  const recent = new Set<string>();
  const failing = { critical: createCheckList(), warning: createCheckList() };
  const watches = new Map<string, Watch>();
  let listed: ReadonlyMap<string, string> | undefined;
  let nodes = new Map<string, NodeRow>();
  let sawServers = false;
  let isComplete = false;
  const complaints = createComplaints(clock, rarely);
  /** Flaws of rows by service and sentence: each is said once. */
  const flaws = createComplaints(clock, Number.POSITIVE_INFINITY);

  // Watches

  function start(): void {
    for (const status of ["critical", "warning"] as const)
      follow(
        `/health/state/${status}`,
        (data) => takeChecks(status, data),
        (bytes) => bytes / listRate,
      );
    follow("/catalog/services", takeServices, (bytes) => Math.max(pace.services, bytes / listRate));
    follow("/catalog/nodes", takeNodes, (bytes) => Math.max(pace.nodes, bytes / listRate));
  }

  function follow(path: string, take: (data: unknown) => void, paceOf: (bytes: number) => number): void {
    link.expect(path);
    const running = watch<unknown>(
      link,
      { path, stale: true },
      {
        onAnswer: mustBeCurrent,
        onValue: async (data) => {
          take(data);
          if (link.answered(path)) await reconnected();
        },
        pace: (answer) => paceOf(answer.bytes),
        onError: (error, retryInMs) => lost(path, error, retryInMs),
        signal: end.signal,
        clock,
        backoff: createBackoff({ base: 100, max: 10_000, ...random }),
        ...random,
      },
    );
    watches.set(path, running);
  }

  function lost(path: string, error: unknown, retryInMs: number): void {
    const { first, doubtful } = link.lost(path);
    for (const other of doubtful) watches.get(other)?.restart();
    const code = codeOf(error);
    // Four watches fail together, again and again.
    complaints.about(`watch ${code}`, (unsaid) =>
      log.warn({ event: "consul.watch-lost", path, code, why: messageOf(error), retryInMs, unsaid }, "a watch on Consul failed"),
    );
    if (!first) return;
    queue.pause();
    sweep.pause();
    publisher.pause();
    onEvent({ kind: "lost", error: error instanceof Error ? error : new Error(String(error)) });
  }

  /** All watches answer (again). Nothing is believed before it is clear which Consul it is. */
  async function reconnected(): Promise<void> {
    if ((await identity.verify(end.signal)) === "other") startOver("its servers are others than before");
    const { whole, wasLost } = link.restored();
    if (!whole) return;
    if (wasLost) {
      complaints.forget();
      onEvent({ kind: "restored" });
    }
    publisher.resume();
    queue.resume();
    sweep.resume();
  }

  function startOver(why: string): void {
    log.warn({ event: "consul.history-restarted", why }, `Consul has lost its data (${why}): what vanishes now is held`);
    publisher.distrust();
    state.forgetIndexes();
    for (const name of state.names()) queue.want(name, false);
  }

  // What the watches bring

  function takeChecks(status: "critical" | "warning", data: unknown): void {
    const { news, gone } = failing[status].replace(parseChecks(data));
    const { changed, unknown } = state.failing(news);
    for (const name of changed) publish(name);
    for (const name of unknown) want(name);
    // A check that left the list may pass, or be in the other list, or be gone with its instance: only a reading tells.
    for (const row of gone) for (const name of row.serviceId ? [row.service] : state.on(row.node)) want(name);
  }

  function takeServices(data: unknown): void {
    const next = parseServiceList(data);
    mustListServers(next);
    const before = listed;
    listed = next;
    for (const [name, tags] of next)
      if (state.indexOf(name) === undefined || before?.get(name) !== tags) queue.want(name, before !== undefined);
    for (const name of state.names()) if (!next.has(name)) queue.want(name, before !== undefined);
    if (before) sweep.wake();
  }

  function takeNodes(data: unknown): void {
    const next = new Map(parseNodes(data).map((row) => [row.node, row]));
    for (const [name, row] of next) {
      const before = nodes.get(name);
      if (before && (before.address !== row.address || before.nodeId !== row.nodeId)) for (const service of state.on(name)) want(service);
    }
    nodes = next;
  }

  // Reading

  async function probe(name: string, signal: AbortSignal): Promise<void> {
    if (queue.wants(name)) return;
    const { index } = await link.get(servicePath(name), { query: { tag: noSuchTag }, signal });
    if (index === 0 || index !== state.indexOf(name)) queue.want(name, false);
  }

  async function read(name: string, signal: AbortSignal): Promise<void> {
    const answer = await link.get<unknown>(servicePath(name), { signal });
    const found = parseInstances(answer.data);
    const held = state.indexOf(name);
    const before = state.instances(name);
    for (const flaw of found.flaws)
      flaws.about(`${name} ${flaw}`, () => log.warn({ event: "registry.odd-row", service: name, flaw }, `${name}: ${flaw}`));
    // A row that cannot be told apart may be any of those that are missing.
    const rows = found.nameless > 0 ? [...found.instances, ...missingFrom(found.instances, before)] : found.instances;
    if (answer.filteredByAcl && rows.length < before.length)
      throw new ConsulError("consul.forbidden", `Consul hides instances of ${name}: ${missingRead}`);
    if (rows.length === 0 && before.length > 0) await confirmGone(name, signal);
    if (held !== undefined && answer.index < held) {
      startOver(`the index of ${name} went back from ${held} to ${answer.index}`);
      for (const running of watches.values()) running.restart();
    }
    state.read(name, answer.index, rows);
    publish(name);
  }

  /** Two answers must agree that a service is gone: its reading, and a list of all services that still has Consul itself. */
  async function confirmGone(name: string, signal: AbortSignal): Promise<void> {
    if (listed && !listed.has(name)) return;
    const fresh = parseServiceList((await link.get("/catalog/services", { signal })).data);
    mustListServers(fresh);
    if (fresh.has(name))
      throw new ConsulError(
        "consul.bad-answer",
        `Consul lists ${name} but shows none of its instances: it came back just now, or ${missingRead}`,
      );
  }

  function readFailed(name: string, error: unknown, retryInMs: number): void {
    complaints.about(`read ${codeOf(error)}`, (unsaid) =>
      log.warn(
        { event: "consul.read-failed", service: name, why: messageOf(error), retryInMs, unsaid },
        `${name} could not be read from Consul`,
      ),
    );
  }

  /** Nothing is left to read. */
  function idle(): void {
    if (isComplete || !listed) return;
    isComplete = true;
    publisher.complete();
    onEvent({ kind: "complete" });
  }

  function want(name: string): void {
    queue.want(name, true);
  }

  function publish(name: string): void {
    recent.delete(name);
    recent.add(name);
    if (recent.size > 64) for (const oldest of recent) if (recent.delete(oldest)) break;
    publisher.publish(name, state.instances(name));
  }

  // What is not believed

  function mustBeCurrent(answer: Answer<unknown>): void {
    if (isCurrent(answer)) return;
    const age = answer.knownLeader ? `has not heard of its leader for ${answer.lastContactMs} ms` : "knows no leader";
    throw new ConsulError("consul.no-leader", `The Consul server that answered ${age}: its data may be old.`);
  }

  function mustListServers(names: ReadonlyMap<string, string>): void {
    if (sawServers && !names.has(consulService))
      throw new ConsulError("consul.bad-answer", `Consul lists none of its own servers any more: it is still starting, or ${missingRead}`);
    sawServers ||= names.has(consulService);
  }

  return {
    start,
    stop() {
      end.abort(new Error("the source was stopped"));
      queue.stop();
      sweep.pause();
      publisher.stop();
    },
    refresh: want,
    release: publisher.release,
    status: () => ({
      connected: link.connected,
      complete: isComplete,
      lastAnswerAt: link.lastAnswerAt,
      services: state.size,
      behind: queue.size,
      traffic: link.traffic,
    }),
    servers: identity.servers,
  };
}

const missingRead = 'the token has lost service_prefix "" { policy = "read" } or node_prefix "" { policy = "read" }.';

function missingFrom(found: readonly Registered[], before: readonly Instance[]): Registered[] {
  const present = new Set(found.map(({ node, id }) => instanceKey(node, id)));
  return before.filter(({ node, id }) => !present.has(instanceKey(node, id))).map(({ everPassed, ...registered }) => registered);
}

function servicePath(name: string): string {
  return `/health/service/${encodeURIComponent(name)}`;
}
