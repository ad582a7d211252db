/** What a Consul agent does for the services on its own node: register, check, maintenance. Names are those of Consul's HTTP API. */
import type { Consul, ReadOptions, WriteOptions } from "./consul.js";
import { ConsulError } from "./error.js";

/** The states of a check. */
export type CheckState = "passing" | "warning" | "critical";

/** One check of a registration; `TTL`, or `HTTP`/`TCP`/`GRPC` with `Interval`. Durations as Consul writes them ("30s"). */
export interface CheckDefinition {
  /** Unique on the Consul node. */
  readonly CheckID: string;
  readonly Name: string;
  readonly Notes?: string;
  /** The state to begin with. Consul's default is critical. */
  readonly Status?: CheckState;
  readonly TTL?: string;
  readonly HTTP?: string;
  readonly TCP?: string;
  readonly GRPC?: string;
  readonly Interval?: string;
  readonly Timeout?: string;
  readonly DeregisterCriticalServiceAfter?: string;
}

/** An address under a name, as in `TaggedAddresses.mesh`. */
export interface TaggedAddress {
  readonly Address: string;
  readonly Port: number;
}

/** A service instance as `PUT /v1/agent/service/register` takes it. */
export interface Registration {
  readonly ID: string;
  readonly Name: string;
  /** Left out: the address of the Consul node. */
  readonly Address?: string;
  readonly Port: number;
  readonly Tags?: readonly string[];
  readonly Meta?: Readonly<Record<string, string>>;
  readonly TaggedAddresses?: Readonly<Record<string, TaggedAddress>>;
  readonly Weights?: { readonly Passing: number; readonly Warning: number };
  readonly Checks?: readonly CheckDefinition[];
  readonly EnableTagOverride?: boolean;
}

/** A service instance as the agent holds it. */
export interface AgentService {
  readonly ID: string;
  readonly Service: string;
  readonly Address: string;
  readonly Port: number;
  readonly Tags: readonly string[] | null;
  readonly Meta: Readonly<Record<string, string>> | null;
  readonly TaggedAddresses?: Readonly<Record<string, TaggedAddress>>;
  readonly Weights: { readonly Passing: number; readonly Warning: number };
}

/** A check as the agent holds it. `ServiceID` is empty for a check of the node. */
export interface AgentCheck {
  readonly Node: string;
  readonly CheckID: string;
  readonly Name: string;
  readonly Status: CheckState;
  readonly Notes: string;
  readonly Output: string;
  readonly ServiceID: string;
  readonly ServiceName: string;
}

/** The part of `GET /v1/agent/self` that is used. */
export interface AgentSelf {
  readonly Config: {
    readonly Datacenter: string;
    readonly NodeName: string;
    readonly NodeID: string;
    readonly Version: string;
    readonly Server: boolean;
  };
  readonly Member: { readonly Name: string; readonly Addr: string } | null;
  readonly Meta?: Readonly<Record<string, string>> | null;
  /** The configuration that the agent runs with; its shape differs between versions. */
  readonly DebugConfig?: {
    /** Consul 1.17 and later; empty when it is not set. */
    readonly DefaultIntentionPolicy?: string;
    /** Consul 1.9 and later. */
    readonly ACLResolverSettings?: { readonly ACLDefaultPolicy?: string };
    /** Before Consul 1.9. */
    readonly ACLDefaultPolicy?: string;
  };
}

/** The agent's API. "Not known" is always ConsulError `consul.not-found`, whatever status the version of Consul gives it. */
export interface AgentApi {
  self(options?: ReadOptions): Promise<AgentSelf>;
  /** Registers or changes an instance. A check that the registration leaves out and the agent has is removed. */
  register(registration: Registration, options?: WriteOptions): Promise<void>;
  deregister(serviceId: string, options?: WriteOptions): Promise<void>;
  /** Renews a TTL check. A change of `output` wakes every watcher of checks: keep it stable while the state is. */
  checkUpdate(checkId: string, status: CheckState, output: string, options?: WriteOptions): Promise<void>;
  /** Puts an instance into maintenance, with the reason people see, or takes it out. */
  maintenance(serviceId: string, enable: boolean, reason?: string, options?: WriteOptions): Promise<void>;
  /** One instance of this agent, or undefined. */
  service(serviceId: string, options?: ReadOptions): Promise<AgentService | undefined>;
  /** All instances of this agent, by ID. */
  services(options?: ReadOptions): Promise<Readonly<Record<string, AgentService>>>;
  /** All checks of this agent, by check ID. */
  checks(options?: ReadOptions): Promise<Readonly<Record<string, AgentCheck>>>;
}

/** Makes the agent's API over a client. */
export function createAgentApi(consul: Pick<Consul, "get" | "put">): AgentApi {
  const part = encodeURIComponent;
  return {
    self: async (o) => (await consul.get<AgentSelf>("/agent/self", o)).data,
    async register(registration, o = {}) {
      await consul.put("/agent/service/register", registration, { ...o, query: { ...o.query, "replace-existing-checks": true } });
    },
    async deregister(serviceId, o) {
      await consul.put(`/agent/service/deregister/${part(serviceId)}`, undefined, o);
    },
    async checkUpdate(checkId, status, output, o) {
      await consul.put(`/agent/check/update/${part(checkId)}`, { Status: status, Output: output }, o);
    },
    async maintenance(serviceId, enable, reason, o = {}) {
      const query = { ...o.query, enable: String(enable), ...(reason ? { reason } : {}) };
      await consul.put(`/agent/service/maintenance/${part(serviceId)}`, undefined, { ...o, query });
    },
    async service(serviceId, o) {
      try {
        return (await consul.get<AgentService>(`/agent/service/${part(serviceId)}`, o)).data;
      } catch (error) {
        if (error instanceof ConsulError && error.code === "consul.not-found") return undefined;
        throw error;
      }
    },
    services: async (o) => (await consul.get<Record<string, AgentService>>("/agent/services", o)).data,
    checks: async (o) => (await consul.get<Record<string, AgentCheck>>("/agent/checks", o)).data,
  };
}
