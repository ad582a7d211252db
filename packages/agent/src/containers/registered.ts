/** One container as an instance in Consul: its health checks and its registration, for as long as it runs. */
import { type Clock, type Logger, messageOf } from "@legation/runtime";
import type { AgentConfig } from "../config/definition.js";
import { createProbe } from "../health/create-probe.js";
import { createHealth } from "../health/health.js";
import type { RecordFile } from "../health/record.js";
import type { HealthLevel } from "../health/verdict.js";
import type { ConsulAgent } from "../registrar/consul-agent.js";
import { ownerKey } from "../registrar/ownership.js";
import { deregisterMs, paceOf, retriesOf } from "../registrar/pace.js";
import { createRegistrar, type RegistrarState } from "../registrar/registrar.js";
import { type CheckReports, registrationOf } from "../registrar/registration.js";
import { standingOf } from "../supervisor/standing.js";

/** The `Meta` key that names the container which a registration is of. */
export const containerKey = "legation-container";

/** What is registered, and with what. */
export interface RegisteredOptions {
  readonly config: AgentConfig;
  readonly containerId: string;
  /** `<uuid>@<host>`, see ownership. */
  readonly owner: string;
  readonly consul: ConsulAgent;
  /** Where its health is kept for the next agent. */
  readonly record: RecordFile;
  readonly clock: Clock;
  readonly log: Logger;
}

/** See the file's sentence. */
export interface Registered {
  readonly config: AgentConfig;
  readonly health: { readonly level: HealthLevel; readonly message: string };
  readonly state: RegistrarState;
  /** Registers critical, and what its checks say from then on; a registration that stands there passing goes on as it is. Waits for nothing: while Consul is away it is asked again. */
  begin(): Promise<void>;
  /** Out of traffic while it still runs. */
  drain(): Promise<void>;
  /** Critical with the cause, then deregistered. Never rejects. */
  leave(cause: string): Promise<void>;
  /** Leaves everything in Consul as it is. */
  letGo(): void;
}

const criticalMs = 1_000;
const pollMs = 20;

/** Creates the instance; nothing happens before `begin`. */
export function createRegistered({ config, containerId, owner, consul, record, clock, log }: RegisteredOptions): Registered {
  const { values } = config;
  const service = { ...config.service, meta: { ...config.service.meta, [containerKey]: containerId } };
  let gone: string | undefined;

  const health = createHealth({
    checks: config.checks,
    probeOf: ({ target }) => createProbe(target, { env: {} }),
    record,
    clock,
    log,
    onResult: (_result, changed) => {
      if (changed) advertise();
    },
  });
  const registrar = createRegistrar({
    consul,
    registration: (reports) => registrationOf(service, { owner }, reports),
    ...paceOf(values),
    clock,
    log,
  });

  const advertise = (): void => registrar.advertise(reportsNow());
  const reportsNow = (): CheckReports => {
    const phase = gone === undefined ? "running" : "stopped";
    const said = standingOf({ phase, alive: true, reason: gone ?? "", checks: health.checks });
    if (gone === undefined) return said;
    return Object.fromEntries(Object.keys(said).map((kind) => [kind, { status: "critical" as const, output: `the container: ${gone}` }]));
  };

  /** True when an earlier agent left it passing: then it must not blink. */
  const standsPassing = async (): Promise<boolean> => {
    const { id } = service;
    const existing = await consul.service(id);
    if (existing?.Meta?.[ownerKey] !== owner || existing.Meta[containerKey] !== containerId) return false;
    const checks = await consul.checks(id);
    return checks.length > 0 && checks.every(({ status }) => status === "passing");
  };

  const enter = (adopted: boolean): void => {
    if (gone !== undefined) return;
    log.info({ event: adopted ? "container.adopted" : "container.up" }, `${service.id} at ${service.host}:${service.port}`);
    health.begin(adopted ? "HEALTHY" : "UNKNOWN");
    advertise();
    registrar.begin();
    registrar.arrive();
  };

  const whenConsulAnswers = async (): Promise<void> => {
    const backoff = retriesOf(values);
    while (gone === undefined) {
      await clock.sleep(backoff.next());
      const adopted = await standsPassing().catch(() => undefined);
      if (adopted !== undefined) return enter(adopted);
    }
  };

  return {
    config,
    get health() {
      return { level: health.level, message: health.message };
    },
    get state() {
      return registrar.state;
    },
    async begin() {
      // What an earlier agent left passing would blink if it were taken for new: Consul has to say which it is.
      const adopted = await standsPassing().catch((error: unknown) => {
        log.warn({ event: "consul.lost", problem: messageOf(error) }, messageOf(error));
        return undefined;
      });
      if (adopted === undefined) void whenConsulAnswers();
      else enter(adopted);
    },
    drain: () => registrar.drain(true),
    async leave(cause) {
      if (gone !== undefined) return;
      gone = cause;
      health.pause();
      advertise();
      const deadline = clock.monotonic() + criticalMs;
      while (registrar.state.registered && !registrar.state.published && clock.monotonic() < deadline) await clock.sleep(pollMs);
      const farewell = await registrar.leave(deregisterMs);
      log.info({ event: "container.down", cause, farewell }, `${service.id} has left: ${cause}`);
      health.close();
    },
    letGo() {
      gone = "left to the next agent";
      health.close();
      registrar.stop();
    },
  };
}
