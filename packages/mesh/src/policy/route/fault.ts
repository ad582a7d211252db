/** Faults that the caller's proxy puts into a rule's requests, to see what becomes of them. */
import { z } from "zod";
import { durationField, milliseconds, percent, percentField } from "../traffic/duration.js";
import { isBodiless } from "./answer.js";
import { oneOf } from "./one-of.js";
import { headersField, type ValueMatch, valueMatches } from "./value-match.js";

/** The codes of gRPC but `ok`, in their order from 1. */
export const grpcCodes = [
  "cancelled",
  "unknown",
  "invalid-argument",
  "deadline-exceeded",
  "not-found",
  "already-exists",
  "permission-denied",
  "resource-exhausted",
  "failed-precondition",
  "aborted",
  "out-of-range",
  "unimplemented",
  "internal",
  "unavailable",
  "data-loss",
  "unauthenticated",
] as const;

/** The faults, each for a share of the requests in percent, drawn by itself. A request that gets both waits, and is then refused. */
export interface Fault {
  /** The wait in milliseconds. */
  readonly delay: { readonly duration: number; readonly share: number } | undefined;
  /** The refusal: a status of HTTP, or a code of gRPC from 1. */
  readonly abort: { readonly kind: "http" | "grpc"; readonly status: number; readonly share: number } | undefined;
  /** Only requests with these headers. */
  readonly headers: readonly ValueMatch[];
}

const share = percentField().optional().describe("The share of the requests that get it. 100% unless given.");

/** The field `fault`. */
export const faultField = z
  .strictObject({
    delay: z
      .strictObject({ duration: durationField("1ms", "1h").describe("How long the request waits."), share })
      .optional()
      .describe("Requests wait before they are sent."),
    abort: z
      .strictObject({
        status: z.int().min(200).max(599).optional().describe("A status of HTTP."),
        grpc: z.enum(grpcCodes).optional().describe("A code of gRPC."),
        share,
      })
      .superRefine((written, { addIssue }) => {
        oneOf(written, ["status", "grpc"], addIssue);
        if (written.status !== undefined && isBodiless(written.status))
          addIssue({ code: "custom", path: ["status"], message: `${written.status} has no body, and Envoy sends one. Use another status` });
      })
      .optional()
      .describe("Requests are refused in place of being sent."),
    headers: headersField.optional(),
  })
  .refine(({ delay, abort }) => delay !== undefined || abort !== undefined, { error: "says nothing. Write delay or abort" })
  .describe("Faults put into requests by the caller's proxy: only those with these headers, where some are named.");

/** The faults that were written. */
export function fault({ delay, abort, headers = {} }: z.output<typeof faultField>): Fault {
  const shareOf = (written = "100%") => percent(written);
  return {
    delay: delay && { duration: milliseconds(delay.duration), share: shareOf(delay.share) },
    abort: abort && { ...abortStatus(abort), share: shareOf(abort.share) },
    headers: valueMatches(headers, "headers"),
  };
}

function abortStatus({ status, grpc }: NonNullable<z.output<typeof faultField>["abort"]>) {
  return grpc === undefined
    ? ({ kind: "http", status: status ?? 500 } as const)
    : ({ kind: "grpc", status: grpcCodes.indexOf(grpc) + 1 } as const);
}
