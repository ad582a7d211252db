/** Which of a service's endpoints a caller prefers by where they are. */
import { z } from "zod";
import { aspect } from "../aspect.js";
import { percent, wholePercentField } from "../duration.js";

/** How near an endpoint has to be to be preferred. `zone`: in the caller's zone, and its region before others. */
export const preferences = ["zone", "region", "none"] as const;

/** The settings of locality. */
export interface LocalitySettings {
  readonly prefer: (typeof preferences)[number];
  /** Where requests go that the caller's own region cannot take: all others together, or these alone, each before the next. */
  readonly failover: "all" | readonly string[];
  /** The share of a region's endpoints that is healthy, times this percentage, is the share of requests that it takes: 140 = all down to 72 %. */
  readonly overprovisioning: number;
}

const region = z.string({ error: "use a list of regions" }).min(1).max(128);

const schema = z
  .strictObject({
    prefer: z
      .enum(preferences)
      .optional()
      .describe(
        "zone, the default: instances in the caller's zone, as far as their number suffices, and its region before others. region: the region alone. none: all alike.",
      ),
    failover: z
      .union([z.literal("all"), z.array(region).max(32)], { error: "use all, or a list of regions such as [north, west]; [] for none" })
      .optional()
      .describe(
        "Where requests go that the caller's region cannot take. all, the default: to all others together. A list: to these alone, each before the next; [] for nowhere.",
      ),
    overprovisioning: wholePercentField(100, 900)
      .optional()
      .describe(
        "How early others help out a region whose instances fail: it takes all requests while the healthy share of its instances times this is 100% or more. 140% unless given.",
      ),
  })
  .superRefine(({ prefer, failover }, context) => {
    const flaw = (message: string) => context.addIssue({ code: "custom", path: ["failover"], message });
    if (prefer === "none" && failover !== undefined)
      flaw("says nothing where no region is preferred. Take it out, or write prefer: region");
    if (Array.isArray(failover) && new Set(failover).size < failover.length) flaw("names a region twice. Name each once");
  })
  .describe("Which instances callers prefer by where they are: by the region and zone that agents are configured with.");

/** The aspect. */
export const locality = aspect({
  schema,
  defaults: { prefer: "zone", failover: "all", overprovisioning: 140 } satisfies LocalitySettings as LocalitySettings,
  over: ({ prefer, failover, overprovisioning }, below) => ({
    prefer: prefer ?? below.prefer,
    failover: failover ?? below.failover,
    overprovisioning: overprovisioning === undefined ? below.overprovisioning : percent(overprovisioning),
  }),
});
