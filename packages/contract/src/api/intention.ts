/** Intentions as the API shows them: who may call whom, and what would become of one call. */
import { z } from "zod";
import type { View } from "./view.js";

const verdict = z.enum(["allow", "deny"]);

const textMatch = z
  .object({
    kind: z.enum(["exact", "prefix", "suffix", "contains", "regex"]).describe("`regex` is RE2, of the whole word."),
    value: z.string(),
  })
  .meta({ id: "TextMatch", description: "How a word is compared." });

const permission = z
  .object({
    action: verdict,
    path: textMatch.optional().describe("Compared with the path without its query."),
    headers: z.array(
      z.object({
        name: z.string(),
        value: z.union([z.literal("present"), textMatch]).describe("`present`: any value will do."),
        ignoreCase: z.boolean(),
        invert: z.boolean().describe("The opposite; a header that is missing then matches only for `present`."),
      }),
    ),
    methods: z.array(z.string()).describe("In capitals; none means any."),
  })
  .meta({ id: "IntentionPermission", description: "A rule for some requests: all of `path`, `headers` and one of `methods` must match." });

/** An intention. */
export const intentionView = z
  .object({
    name: z.string().describe("As access logs and refusals name it: `web=>orders`."),
    source: z.string(),
    destination: z.string(),
    precedence: z.int().describe("Consul's: 9 is asked first."),
    rule: z.union([verdict, z.array(permission)]).describe("Or the permissions in the order in which they are asked."),
    flaw: z.string().optional().describe("Why it denies everything, whatever its rule says."),
  })
  .meta({ id: "IntentionView", description: "An intention of Consul's." });
/** See `intentionView`. */
export type IntentionView = View<typeof intentionView>;

/** The answer of `GET /api/intentions`. */
export const intentionList = z
  .object({
    default: verdict.nullable().describe("What becomes of a call that no intention speaks of; null while nobody has said."),
    intentions: z.array(intentionView).describe("Those that are asked first stand first."),
  })
  .meta({ id: "IntentionList", description: "Who may call whom." });
/** See `intentionList`. */
export type IntentionList = View<typeof intentionList>;

const word = z.string().min(1).max(256);

/** A call, as `GET /api/intentions/check` asks of it. Without `path`, `method` and `header` it is one without a request. */
export const intentionQuery = z.strictObject({
  from: word.describe("The caller."),
  to: word.describe("The callee."),
  path: z.string().regex(/^\//, "it does not begin with /. Write the path of a request").max(8_192).optional(),
  method: z
    .string()
    .regex(/^[A-Za-z]+$/, "it is no method. Write one such as GET")
    .max(32)
    .optional(),
  header: z
    .array(
      z
        .string()
        .regex(/^[^:\s]+:/, "it is no header. Write name:value")
        .max(8_192),
    )
    .max(64)
    .optional()
    .describe("`name:value`; several by repeating it."),
});
/** See `intentionQuery`. */
export type IntentionQuery = View<typeof intentionQuery>;

/** What would become of a call. */
export const intentionCheck = z
  .object({
    from: z.string(),
    to: z.string(),
    verdict,
    rule: z.string().describe("The rule as access logs and refusals name it."),
    reason: z.string(),
    authorization: z
      .enum(["enforce", "shadow", "off"])
      .describe(
        "What the destination's proxies do with it. Callers in plain text have no name and are let through where that is answered.",
      ),
  })
  .meta({ id: "IntentionCheck", description: "What would become of a call." });
/** See `intentionCheck`. */
export type IntentionCheck = View<typeof intentionCheck>;
