/** What the registrar needs of the Consul agent that holds this instance's registration. */
import { type AgentService, type CheckState, type Consul, ConsulError, type Registration } from "@legation/consul";

/** A check as Consul's agent gives it back. For maintenance, `notes` is the reason. */
export interface RegisteredCheck {
  readonly id: string;
  readonly status: CheckState;
  readonly notes: string;
}

/** The Consul agent. Every method rejects with a ConsulError when Consul does not do it. */
export interface ConsulAgent {
  /** The name of Consul's node: the first half of the instance's identity. */
  nodeName(): Promise<string>;
  /** The registration with that id, or undefined when there is none. */
  service(id: string): Promise<AgentService | undefined>;
  /** The checks of that service, maintenance included. */
  checks(serviceId: string): Promise<readonly RegisteredCheck[]>;
  register(registration: Registration): Promise<void>;
  /** Takes the registration away; that there was none is no error. */
  deregister(id: string): Promise<void>;
  /** False when Consul does not know the check: then the instance has to be registered again. */
  updateCheck(checkId: string, status: CheckState, output: string): Promise<boolean>;
  /** False when Consul does not know the service. */
  maintenance(id: string, enable: boolean, reason: string): Promise<boolean>;
}

/** The real one. `timeoutMs` bounds each call, so that a Consul that hangs counts as one that is down. */
export function createConsulAgent(consul: Consul, timeoutMs = 5_000): ConsulAgent {
  const { agent } = consul;
  const limit = { timeoutMs };
  return {
    nodeName: async () => (await agent.self(limit)).Config.NodeName,
    service: (id) => agent.service(id, limit),
    async checks(serviceId) {
      const all = await agent.checks({ ...limit, filter: `ServiceID == ${JSON.stringify(serviceId)}` });
      return Object.values(all).map((check) => ({ id: check.CheckID, status: check.Status, notes: check.Notes }));
    },
    register: (registration) => agent.register(registration, limit),
    async deregister(id) {
      await known(agent.deregister(id, limit));
    },
    updateCheck: (checkId, status, output) => known(agent.checkUpdate(checkId, status, output, limit)),
    maintenance: (id, enable, reason) => known(agent.maintenance(id, enable, reason, limit)),
  };
}

async function known(asked: Promise<void>): Promise<boolean> {
  try {
    await asked;
    return true;
  } catch (error) {
    if (error instanceof ConsulError && error.code === "consul.not-found") return false;
    throw error;
  }
}
