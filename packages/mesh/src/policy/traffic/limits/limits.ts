/** How much a caller's Envoy may have under way to one service. */
import { z } from "zod";
import { aspect, said } from "../aspect.js";

/** The limits, per calling Envoy and service. Beyond them requests fail at once. */
export interface LimitSettings {
  readonly connections: number;
  readonly pendingRequests: number;
  readonly requests: number;
}

const limit = z.int().min(1).max(0xffff_ffff).optional();

/** The aspect. */
export const limits = aspect({
  schema: z
    .strictObject({
      connections: limit.describe("Connections at once. 1024 unless given."),
      pendingRequests: limit.describe("Requests that wait for a connection at once. 1024 unless given."),
      requests: limit.describe("Requests at once. 4096 unless given."),
    })
    .describe("What one calling proxy may have under way to the service; beyond it requests fail at once."),
  defaults: { connections: 1024, pendingRequests: 1024, requests: 4096 } satisfies LimitSettings as LimitSettings,
  over: (written, below) => ({ ...below, ...said(written) }),
});
