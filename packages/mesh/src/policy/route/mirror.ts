/** Copies of a rule's requests, sent to a service whose answers nobody gets. */
import { z } from "zod";
import { serviceName } from "../kind.js";
import { percent, percentField } from "../traffic/duration.js";

/** Where copies go. */
export interface Mirror {
  readonly service: string;
  /** Of the requests, in percent. */
  readonly share: number;
}

/** The field `mirror`. */
export const mirrorField = z
  .strictObject({
    service: serviceName.describe("The service that gets the copies."),
    share: percentField().optional().describe("The share of the requests that are copied. 100% unless given."),
  })
  .describe("Copies of the requests are sent to a service as well; its answers are thrown away, and nobody waits for them.");

/** The mirror that was written. */
export function mirror({ service, share = "100%" }: z.output<typeof mirrorField>): Mirror {
  return { service, share: percent(share) };
}
