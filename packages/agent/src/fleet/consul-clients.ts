/** The clients of Consul that the services of one agent share: one for each way to reach it, most often one for all. */
import type { Consul } from "@legation/consul";
import { systemClock } from "@legation/runtime";
import { type AgentIo, openConsul } from "../agent-io.js";
import type { AgentValues } from "../config/options.js";
import { createRootsSource, type RootsSource } from "../identity/roots.js";

/** One way to reach Consul. */
export interface ConsulWay {
  /** Closing it closes nothing, its connections are everybody's. */
  readonly consul: Consul;
  readonly roots: RootsSource;
}

/** See the file's sentence. */
export interface ConsulClients {
  of(way: AgentValues["consul"]): ConsulWay;
  close(): void;
}

const mostConnections = 8;

/**
 * Creates the clients as they are asked for; each keeps at most one connection more than there are services, and at most eight, beside the one
 * that follows the roots.
 */
export function consulClients(io: AgentIo, services: number): ConsulClients {
  const ways = new Map<string, ConsulWay>();
  return {
    of(consul) {
      const key = JSON.stringify([consul.address, consul.token, consul.tokenFile, consul.login]);
      const way = ways.get(key) ?? wayOf(openConsul(io, consul, 1 + Math.min(mostConnections, 1 + services)));
      ways.set(key, way);
      return { ...way, consul: { ...way.consul, close() {} } };
    },
    close() {
      for (const { consul } of ways.values()) consul.close();
    },
  };
}

function wayOf(consul: Consul): ConsulWay {
  return { consul, roots: createRootsSource(consul, systemClock) };
}
