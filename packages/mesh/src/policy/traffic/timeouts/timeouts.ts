/** How long a request may take. */
import { z } from "zod";
import { aspect } from "../aspect.js";
import { durationField, milliseconds } from "../duration.js";

/** The timeouts, in milliseconds. */
export interface TimeoutSettings {
  /** From the end of the request to the end of the response, retries included. gRPC calls bring their own deadline instead. */
  readonly request: number;
}

/** The aspect. */
export const timeouts = aspect({
  schema: z
    .strictObject({
      request: durationField("1ms", "24h")
        .optional()
        .describe("From the end of the request to the end of the response, retries included. 30s unless given."),
    })
    .describe("How long a request may take."),
  defaults: { request: 30_000 } satisfies TimeoutSettings as TimeoutSettings,
  over: ({ request }, below) => ({ request: request === undefined ? below.request : milliseconds(request) }),
});
