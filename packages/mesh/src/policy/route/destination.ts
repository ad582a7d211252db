/** Where the requests of a rule go. */
import { z } from "zod";
import { serviceName } from "../kind.js";

/** A share of the requests: of all of a rule's, its weight over the sum of weights. */
export interface Destination {
  readonly service: string;
  readonly weight: number;
}

const destination = z.strictObject({
  service: serviceName.optional().describe("The service. That of the route unless given."),
  weight: z.int().min(0).max(1_000_000).optional().describe("Its share: its weight over the sum of all. Equal shares unless given."),
});

/** The field `to`. */
export const toField = z
  .array(destination)
  .min(1)
  .max(100)
  .superRefine((written, { addIssue }) => {
    const flaw = (path: PropertyKey[], message: string) => addIssue({ code: "custom", path, message });
    const weighted = written.filter(({ weight }) => weight !== undefined);
    const bare = written.findIndex(({ weight }) => weight === undefined);
    if (weighted.length > 0 && bare >= 0) flaw([bare, "weight"], "is missing, and others have one. Give each a weight, or none");
    else if (weighted.length > 0 && weighted.every(({ weight }) => weight === 0))
      flaw([], "the weights sum to 0. Give one a weight of 1 or more");
    const seen = new Map<string, number>();
    for (const [i, { service = "" }] of written.entries()) {
      const first = seen.get(service);
      if (first !== undefined) flaw([i], `goes where entry ${first} goes. Put both into one with the sum of their weights`);
      else seen.set(service, i);
    }
  })
  .describe("Where the requests go, each to one of these by weight. The route's own service unless given.");

/** Where they go; without a word, to the service itself. */
export function destinations(written: z.output<typeof toField> | undefined, own: string): readonly Destination[] {
  return (written ?? [{}]).map(({ service = own, weight = 1 }) => ({ service, weight }));
}
