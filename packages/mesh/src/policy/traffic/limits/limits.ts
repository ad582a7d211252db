/** How much a caller's Envoy may have under way to one service. */
import { z } from "zod";
import { aspect, said } from "../aspect.js";

/** The limits, per calling Envoy and service. Beyond them requests fail at once. */
export interface LimitSettings {
  readonly connections: number;
  readonly pendingRequests: number;
  readonly requests: number;
  /** Connections to one instance. */
  readonly connectionsPerInstance: number | undefined;
  /** Connection pools: one per instance, worker and way to connect. */
  readonly connectionPools: number | undefined;
  /** A connection takes so many requests, and then ends. */
  readonly requestsPerConnection: number | undefined;
}

const limit = z.int().min(1).max(0xffff_ffff).optional();

/** The aspect. */
export const limits = aspect({
  schema: z
    .strictObject({
      connections: limit.describe("Connections at once. 1024 unless given."),
      pendingRequests: limit.describe("Requests that wait for a connection at once. 1024 unless given."),
      requests: limit.describe("Requests at once. 4096 unless given."),
      connectionsPerInstance: limit.describe("Connections to one instance at once. Without a limit of its own unless given."),
      connectionPools: limit.describe(
        "Connection pools at once: each worker of the proxy has one for each instance that it calls. Without a limit unless given.",
      ),
      requestsPerConnection: limit.describe("Requests that a connection takes before it ends. Without a limit unless given."),
    })
    .describe("What one calling proxy may have under way to the service; beyond it requests fail at once."),
  defaults: {
    connections: 1024,
    pendingRequests: 1024,
    requests: 4096,
    connectionsPerInstance: undefined,
    connectionPools: undefined,
    requestsPerConnection: undefined,
  } satisfies LimitSettings as LimitSettings,
  over: (written, below) => ({ ...below, ...said(written) }),
});
