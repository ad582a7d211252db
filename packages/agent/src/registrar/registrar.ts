/** Keeps this instance's registration in Consul as it should be: registers, heartbeats, repairs, and takes it away at the end. */
import type { Registration } from "@legation/consul";
import type { Backoff, Clock, Logger } from "@legation/runtime";
import { createAlarm } from "./alarm.js";
import type { ConsulAgent } from "./consul-agent.js";
import { deregister, type Farewell } from "./deregister.js";
import { createMaintenance } from "./maintenance.js";
import { differences, heartbeatCheckId, ownerKey, ownershipOf } from "./ownership.js";
import { type CheckReports, healthCheckId, heartbeatReport } from "./registration.js";

/** Options of `createRegistrar`. Times in milliseconds. */
export interface RegistrarOptions {
  readonly consul: ConsulAgent;
  /** The registration with its health checks as given; called again for each registering. */
  readonly registration: (reports: CheckReports) => Registration;
  readonly heartbeat: number;
  /** How often the registration is compared with what Consul has. */
  readonly compare: number;
  readonly clock: Clock;
  readonly backoff: Backoff;
  readonly log: Logger;
  /** Something that `state` shows has changed. */
  readonly onChange?: () => void;
  /** An operator's maintenance was ended, and its mark is gone from Consul. */
  readonly onMaintenanceEnded?: () => void;
}

/** What the registrar knows. */
export interface RegistrarState {
  readonly registered: boolean;
  /** False until Consul could be looked at: till then a registration of an earlier agent may stand there, and callers may use it. */
  readonly compared: boolean;
  /** Every check in Consul says what was last advertised. */
  readonly published: boolean;
  /** Why Consul cannot be used now. */
  readonly problem?: string;
  /** Another agent holds our id. */
  readonly duplicate?: string;
  /** The last heartbeat that Consul took, milliseconds since the epoch. */
  readonly lastHeartbeat?: number;
}

/** See the file's sentence. Nothing here rejects because Consul is down: it is tried again, with back-off, for ever. */
export interface Registrar {
  readonly state: RegistrarState;
  /** Looks at what stands in Consul and begins to work. A registration left from an earlier life is taken over at once. */
  begin(): void;
  /** What the health checks say from now on; sent at once where a status has changed. */
  advertise(reports: CheckReports): void;
  /** From now on the instance is to be registered. */
  arrive(): void;
  /** What is to be registered has changed: compares and registers now. */
  renew(reason: string): void;
  /** Puts the instance into (or takes it out of) Consul's maintenance with the draining reason. Resolves when Consul has taken it. */
  drain(on: boolean): Promise<void>;
  /** Holds the instance in Consul's maintenance with an operator's reason, over losses of the registration; undefined ends that. */
  maintain(reason: string | undefined): void;
  /** Ends the heartbeat, deregisters and verifies, trying again for `limitMs`, or half a second after `hurry` aborts. */
  leave(limitMs: number, hurry?: AbortSignal): Promise<Farewell>;
  /** Stops working and leaves everything in Consul as it is. */
  stop(): void;
}

/** How long leaving waits for what Consul was asked before. */
const settleMs = 1_000;

/** Creates a registrar; it works from `begin` on. */
export function createRegistrar(options: RegistrarOptions): Registrar {
  const { consul, clock, log } = options;
  const alarm = createAlarm(clock);
  let reports: CheckReports = {};
  let sent: CheckReports = {};
  let wanted = false;
  let began = false;
  let ended = false;
  /** Deregistered: what stands in Consul after this is too much. */
  let left = false;
  let registering = false;
  let registered = false;
  let comparedAt = Number.NEGATIVE_INFINITY;
  let beatAt = Number.NEGATIVE_INFINITY;
  let renewal: string | undefined;
  let working: Promise<unknown> = Promise.resolve();
  let state: RegistrarState = { registered: false, compared: false, published: false };

  const id = options.registration({}).ID;
  const mark = createMaintenance({ consul, id, log, onEnded: options.onMaintenanceEnded });
  const show = (patch: Partial<RegistrarState>): void => {
    const published = registered && Object.keys(reports).every((kind) => sent[kind]?.status === reports[kind]?.status);
    const next = { ...state, ...patch, registered, published };
    const changed = JSON.stringify({ ...next, lastHeartbeat: 0 }) !== JSON.stringify({ ...state, lastHeartbeat: 0 });
    state = next;
    if (changed) options.onChange?.();
  };

  const register = async (reason: string, first: boolean): Promise<void> => {
    if (ended) return;
    // What is to be out of service must not be seen passing before it is marked.
    const initial: CheckReports =
      first || mark.wished
        ? Object.fromEntries(Object.entries(reports).map(([kind, r]) => [kind, { ...r, status: "critical" as const }]))
        : reports;
    const registration = options.registration(initial);
    registering = true;
    await consul.register(registration).finally(() => {
      registering = false;
    });
    if (left) {
      // It was under way for so long that the deregistering came before it.
      await consul.deregister(id);
      return;
    }
    log.info({ event: "registrar.registered", reason }, `registered ${id}: ${reason}`);
    registered = true;
    sent = {};
    mark.forget();
    beatAt = Number.NEGATIVE_INFINITY;
  };

  const compare = async (): Promise<void> => {
    const existing = await consul.service(id);
    const wish = options.registration(reports);
    const owner = existing?.Meta?.[ownerKey];
    const checks = existing && owner !== undefined && owner !== wish.Meta?.[ownerKey] ? await consul.checks(id) : [];
    const ownership = ownershipOf(existing, checks, wish);
    comparedAt = clock.monotonic();
    show({ compared: true });
    if (ownership.kind === "foreign") {
      registered = false;
      const duplicate = `the instance id ${JSON.stringify(id)} is registered by the agent on ${ownership.owner} (${ownership.address}), whose heartbeat is alive: give this instance another id with --id or SERVICE_ID`;
      if (state.duplicate === undefined) log.error({ event: "registrar.duplicate", owner: ownership.owner }, duplicate);
      show({ duplicate });
      return;
    }
    if (state.duplicate !== undefined) log.info({ event: "registrar.duplicate-gone" }, `the other agent with the id ${id} is gone`);
    show({ duplicate: undefined });
    if (!existing) {
      const lost = registered;
      registered = false;
      if (wanted) await register(lost ? "Consul had lost the registration" : "the service is ready", !lost && !state.lastHeartbeat);
    } else if (ownership.kind === "stale") {
      await register(`took over a registration: ${ownership.why}`, false);
    } else {
      const wrong = differences(existing, wish);
      if (renewal !== undefined) await register(renewal, false);
      else if (wrong.length > 0) await register(`Consul had other values of ${wrong.join(", ")}`, false);
      registered = true;
    }
    renewal = undefined;
  };

  const maintain = async (): Promise<void> => {
    if (!(await mark.settle())) comparedAt = Number.NEGATIVE_INFINITY;
  };

  const push = async (): Promise<boolean> => {
    const now = clock.monotonic();
    const beat = now - beatAt >= options.heartbeat;
    if (beat && !(await consul.updateCheck(heartbeatCheckId(id), heartbeatReport.status, heartbeatReport.output))) return false;
    for (const [kind, report] of Object.entries(reports)) {
      if (!beat && sent[kind]?.status === report.status) continue;
      const output = sent[kind]?.status === report.status ? (sent[kind]?.output ?? report.output) : report.output;
      if (!(await consul.updateCheck(healthCheckId(id, kind), report.status, output))) return false;
      sent = { ...sent, [kind]: { status: report.status, output } };
    }
    if (beat) {
      beatAt = now;
      show({ lastHeartbeat: clock.now() });
    }
    return true;
  };

  const reconcile = async (): Promise<void> => {
    if (clock.monotonic() - comparedAt >= options.compare) await compare();
    if (!registered && wanted && state.duplicate === undefined) await compare();
    if (!registered) return;
    if (mark.wished) await maintain();
    if (!(await push())) {
      await register("Consul did not know a check", false);
      if (mark.wished) await maintain();
      await push();
    }
    // After the checks: what was left in maintenance must not be seen with the checks of its earlier life.
    await maintain();
  };

  const pass = async (): Promise<number> => {
    try {
      await reconcile();
      if (state.problem !== undefined) log.info({ event: "consul.regained" }, "Consul answers again");
      options.backoff.reset();
      show({ problem: undefined });
      const now = clock.monotonic();
      return Math.max(0, Math.min(comparedAt + options.compare, registered ? beatAt + options.heartbeat : Number.POSITIVE_INFINITY) - now);
    } catch (error) {
      const problem = (error as Error).message;
      if (state.problem === undefined)
        log.warn({ event: "consul.lost", problem }, `Consul cannot be used, the service goes on: ${problem}`);
      show({ problem });
      return options.backoff.next();
    }
  };

  const loop = async (): Promise<void> => {
    while (!ended) {
      const passing = pass();
      working = passing;
      const wait = await passing;
      if (!ended) await alarm.sleep(wait);
    }
  };

  return {
    get state() {
      return state;
    },
    begin() {
      if (began) return;
      began = true;
      void loop();
    },
    advertise(next) {
      const changed = Object.entries(next).some(([kind, report]) => reports[kind]?.status !== report.status);
      reports = next;
      show({});
      if (changed) alarm.ring();
    },
    arrive() {
      wanted = true;
      alarm.ring();
    },
    renew(reason) {
      renewal = reason;
      comparedAt = Number.NEGATIVE_INFINITY;
      alarm.ring();
    },
    async drain(on) {
      mark.drain(on);
      if (!registered && state.compared) return;
      try {
        await mark.settle();
      } catch (error) {
        alarm.ring();
        throw error;
      }
    },
    maintain(reason) {
      mark.operator(reason);
      alarm.ring();
    },
    async leave(limitMs, hurry) {
      ended = true;
      alarm.ring();
      const began = clock.monotonic();
      // A registering under way must not come after the deregistering.
      await within(clock, hurry?.aborted ? 0 : Math.min(limitMs, settleMs), working);
      options.backoff.reset();
      const farewell = await deregister({
        consul,
        mine: options.registration(reports),
        limitMs: limitMs - (clock.monotonic() - began),
        ...(hurry ? { hurry } : {}),
        clock,
        backoff: options.backoff,
        onProblem: (problem) => show({ problem }),
      });
      left = farewell.kind !== "foreign";
      // A registering that still hangs takes itself back when it comes through.
      if (registering) await within(clock, hurry?.aborted ? 0 : Math.max(0, limitMs - (clock.monotonic() - began)), working);
      if (farewell.kind === "gone") {
        registered = false;
        show({});
      }
      return farewell;
    },
    stop() {
      ended = true;
      alarm.ring();
    },
  };
}

/** Waits for `work`, but no longer than `ms`. */
async function within(clock: Clock, ms: number, work: Promise<unknown>): Promise<void> {
  const limit = new AbortController();
  const late = clock.sleep(ms, limit.signal).catch(() => undefined);
  await Promise.race([work, late]);
  limit.abort();
}
