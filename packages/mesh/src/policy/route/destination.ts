/** Where the requests of a rule go. */
import { z } from "zod";
import { serviceName } from "../kind.js";
import { subsetName } from "../traffic/subsets/subsets.js";

/** A share of the requests: of all of a rule's, its weight over the sum of weights. */
export interface Destination {
  readonly service: string;
  /** Only instances of this subset; undefined: all. */
  readonly subset: string | undefined;
  /** False where the service's own policy names no such subset: requests are answered 503. */
  readonly declared: boolean;
  readonly weight: number;
}

/** True where a service's own policy has such a subset. */
export type IsDeclared = (service: string, subset: string) => boolean;

const destination = z.strictObject({
  service: serviceName.optional().describe("The service. That of the route unless given."),
  subset: subsetName
    .optional()
    .describe("Only instances of this subset, as the policy Service of that service names it. All unless given."),
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
  })
  .describe("Where the requests go, each to one of these by weight. The route's own service unless given.");

type Written = z.output<typeof toField>;

/** Where they go; without a word, to the service itself. */
export function destinations(written: Written | undefined, own: string, isDeclared: IsDeclared): readonly Destination[] {
  return (written ?? [{}]).map(({ service = own, subset, weight = 1 }) => {
    const declared = subset === undefined || isDeclared(service, subset);
    return { service, subset, declared, weight };
  });
}

/** The first two entries that lead to the same place, by their places in the list: both are one share. */
export function sameDestination(written: Written, own: string): readonly [first: number, second: number] | undefined {
  const keys = written.map(({ service = own, subset = "" }) => `${service} ${subset}`);
  const second = keys.findIndex((key, i) => keys.indexOf(key) < i);
  return second < 0 ? undefined : [keys.indexOf(keys[second] ?? ""), second];
}
