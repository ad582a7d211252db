/** This control plane's own entry in Consul's registry, so that operators and other replicas see it. */
import type { Consul } from "@legation/consul";
import { controlPlaneService, controlPlaneTlsKey } from "@legation/contract";
import type { Clock, Logger } from "@legation/runtime";

/** The TTL of the check, how often it is renewed, and when Consul removes a dead entry; milliseconds. */
export const presenceTimes = { ttl: 30_000, renew: 10_000, deregisterAfter: 600_000 } as const;

/** What the entry says. */
export interface PresenceEntry {
  /** `host:port` of the HTTP API. */
  readonly http: { readonly host: string; readonly port: number };
  /** `host:port` of xDS. */
  readonly xds: string;
  readonly version: string;
  /** Tells this run of the control plane from every other. */
  readonly replica: string;
  /** True once TLS is served on these addresses. */
  tls(): boolean;
}

/** What of Consul's agent it needs. */
export type PresenceAgent = Pick<Consul["agent"], "register" | "checkUpdate" | "deregister">;

/** The entry in Consul. */
export interface Presence {
  /** Registers, and from then on renews the check and registers again whenever Consul has forgotten it. */
  start(): void;
  /** What the entry says has changed: registers again at once. */
  changed(): void;
  /** Ends the renewals and removes the entry. Never throws: without Consul its TTL does it. */
  stop(): Promise<void>;
}

/** Makes the entry; its ID is the API's port, unique on one Consul node and the same after a restart. */
export function createPresence(o: { agent: PresenceAgent; entry: PresenceEntry; clock: Clock; log: Logger }): Presence {
  const { host, port } = o.entry.http;
  const id = `${controlPlaneService}-${port}`;
  const checkId = `${id}-ttl`;
  const everywhere = host === "0.0.0.0" || host === "::";
  const stopping = new AbortController();
  let running: Promise<void> = Promise.resolve();
  let waiting = new AbortController();
  /** The meta data of the entry that stands in Consul; undefined for none. */
  let registered: string | undefined;
  let complained = false;

  const meta = () => ({
    version: o.entry.version,
    xds: o.entry.xds,
    replica: o.entry.replica,
    ...(o.entry.tls() ? { [controlPlaneTlsKey]: "true" } : {}),
  });

  const register = (Meta: Readonly<Record<string, string>>) =>
    o.agent.register({
      ID: id,
      Name: controlPlaneService,
      Port: port,
      ...(everywhere ? {} : { Address: host }),
      Meta,
      Checks: [
        {
          CheckID: checkId,
          Name: "control plane is alive",
          TTL: `${presenceTimes.ttl / 1_000}s`,
          Status: "passing",
          DeregisterCriticalServiceAfter: `${presenceTimes.deregisterAfter / 1_000}s`,
        },
      ],
    });

  async function renew(): Promise<void> {
    try {
      const now = meta();
      const said = JSON.stringify(now);
      if (registered === said) await o.agent.checkUpdate(checkId, "passing", "alive");
      else await register(now);
      if (registered === undefined) o.log.info({ event: "presence.registered", id }, `registered in Consul as ${id}`);
      registered = said;
      complained = false;
    } catch (error) {
      const forgotten = registered !== undefined;
      registered = undefined;
      if (!complained) o.log.warn({ event: "presence.lost", id, err: error }, "this control plane is not in Consul's registry for now");
      complained = true;
      if (forgotten) await renew();
    }
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      waiting = new AbortController();
      await renew();
      await o.clock.sleep(presenceTimes.renew, AbortSignal.any([stopping.signal, waiting.signal])).catch(() => undefined);
    }
  }

  return {
    start() {
      running = run();
    },
    changed: () => waiting.abort(),
    async stop() {
      stopping.abort();
      await running;
      if (registered === undefined) return;
      await o.agent.deregister(id).catch((error: unknown) => {
        o.log.warn({ event: "presence.left-behind", id, err: error }, "Consul did not take the deregistration; the TTL will");
      });
    },
  };
}
