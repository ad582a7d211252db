/** The clients of Consul that the services of one agent share: one for each way to reach it, most often one for all. */
import type { Consul } from "@legation/consul";
import { type AgentIo, openConsul } from "../agent-io.js";
import type { AgentValues } from "../config/options.js";

/** See the file's sentence. */
export interface ConsulClients {
  /** The client for a service; closing it closes nothing, its connections are everybody's. */
  of(way: AgentValues["consul"]): Consul;
  close(): void;
}

const mostConnections = 8;

/** Creates the clients as they are asked for; each keeps at most one connection more than there are services, and at most eight. */
export function consulClients(io: AgentIo, services: number): ConsulClients {
  const clients = new Map<string, Consul>();
  return {
    of(consul) {
      const key = JSON.stringify([consul.address, consul.token, consul.tokenFile, consul.login]);
      const client = clients.get(key) ?? openConsul(io, consul, Math.min(mostConnections, 1 + services));
      clients.set(key, client);
      return { ...client, close() {} };
    },
    close() {
      for (const client of clients.values()) client.close();
    },
  };
}
