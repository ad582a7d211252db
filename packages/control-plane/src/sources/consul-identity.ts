/** Whether Consul is still the one that was read before, or another one under its address that knows nothing of the past. */
import { type Consul, ConsulError } from "@legation/consul";
import { parseServers } from "./consul-rows.js";

/** The name under which Consul's servers stand in their own catalog. */
export const consulService = "consul";

/** Consul's servers, by the node IDs that each keeps with its data. */
export interface ConsulIdentity {
  /**
   * Reads the servers. `same`: one of them was there before, or none had been seen. `other`: all are new, so their data are too. Throws
   * when Consul does not answer, or lists no server although it had: it has just started, or the token has lost its rules.
   */
  verify(signal: AbortSignal): Promise<"same" | "other">;
  servers(): readonly string[];
}

/** Makes the identity, with the servers of an earlier life. */
export function createConsulIdentity(consul: Pick<Consul, "get">, known: readonly string[] = []): ConsulIdentity {
  let servers = known;
  return {
    async verify(signal) {
      const found = parseServers((await consul.get(`/catalog/service/${consulService}`, { signal })).data);
      if (found.length === 0 && servers.length > 0)
        throw new ConsulError(
          "consul.bad-answer",
          'Consul lists none of its own servers any more: it is still starting, or the token has lost service_prefix "" { policy = "read" }.',
        );
      const other = servers.length > 0 && !found.some((id) => servers.includes(id));
      servers = found;
      return other ? "other" : "same";
    },
    servers: () => servers,
  };
}
