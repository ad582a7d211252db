/** What is held back from proxies because one of them refused it. */
import { z } from "zod";
import { time } from "./scalar.js";
import type { View } from "./view.js";

/** One content that is held back. */
export const quarantineView = z
  .object({
    type: z.string().describe("`cluster`, `routes` or `listener`."),
    name: z.string(),
    service: z.string(),
    policies: z
      .array(z.string())
      .describe("Where the cause is to be looked for: `Service/orders: balancing.slowStart`. Empty where no policy has changed."),
    documents: z.array(z.string()).describe("The documents of `policies`."),
    instead: z.enum(["last-good", "left-out"]).describe("What is in force in its place."),
    version: z.string(),
    node: z.string().describe("The first proxy that refused it."),
    message: z.string().describe("The words of that proxy."),
    since: time,
    text: z.string().describe("All of this in a sentence."),
  })
  .meta({ id: "QuarantineView", description: "Something that proxies are not given because one of them refused it." });
/** See `quarantineView`. */
export type QuarantineView = View<typeof quarantineView>;
