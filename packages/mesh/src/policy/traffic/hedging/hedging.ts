/** A second try beside the first, when the first has not answered within the timeout of a try. */
import { z } from "zod";
import { aspect, said } from "../aspect.js";

/** Which requests may be sent twice: those of RFC 9110 §9.2.2, or all. */
export const repeatableMethods = ["idempotent", "all"] as const;
/** One of `repeatableMethods`. */
export type RepeatableMethods = (typeof repeatableMethods)[number];

/** The methods of RFC 9110 §9.2.2, which may be sent twice. */
export const idempotentMethods: readonly string[] = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"];

/** The settings of hedging. They have an effect where there is a `timeouts.perTry`. */
export interface HedgingSettings {
  readonly enabled: boolean;
  readonly methods: RepeatableMethods;
}

/** The aspect. */
export const hedging = aspect({
  schema: z
    .strictObject({
      enabled: z
        .boolean()
        .optional()
        .describe(
          "When a try has taken timeouts.perTry, it goes on, and another is sent to another instance beside it. false unless given.",
        ),
      methods: z
        .enum(repeatableMethods)
        .optional()
        .describe(
          "idempotent, the default: GET, HEAD, OPTIONS, TRACE, PUT and DELETE. all: POST and gRPC calls too, which two instances may then both carry out.",
        ),
    })
    .describe(
      "A second try beside the first that is slow: the first answer counts, and the other try is cancelled. Each counts as a retry.",
    ),
  defaults: { enabled: false, methods: "idempotent" } satisfies HedgingSettings as HedgingSettings,
  over: (written, below) => ({ ...below, ...said(written) }),
});
