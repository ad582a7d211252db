/** Circuit breakers as the API shows them. */
import { z } from "zod";
import { breakerStandings } from "../figures.js";
import { count, time } from "./scalar.js";
import type { View } from "./view.js";

/** One breaker as all callers have it. */
export const breakerView = z
  .object({
    state: z.enum(breakerStandings).describe("The worst of its callers'."),
    callers: count.describe("How many callers do not have it closed."),
    by: z
      .array(
        z.object({
          caller: z.string().describe("The calling instance: `<Consul node>/<service id>`."),
          state: z.enum(breakerStandings),
          cause: z.string().describe("Why it opened."),
          since: time.describe("When it came into this state."),
        }),
      )
      .describe("The first of these callers."),
  })
  .meta({ id: "BreakerView", description: "One circuit breaker as all callers have it." });
/** See `breakerView`. */
export type BreakerView = View<typeof breakerView>;
