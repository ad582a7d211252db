/** What has to become of a request for it to be tried again. */
import { z } from "zod";

/**
 * Failures by name. After the first three nobody has begun to work on the request, so that every method is tried again; the fourth and all
 * that is no failure of the way but a response may mean that somebody has.
 */
export const retryFailures = [
  "connect-failure",
  "refused-stream",
  "reset-before-request",
  "reset",
  "5xx",
  "gateway-error",
  "retriable-4xx",
  "envoy-ratelimited",
] as const;
/** The codes of gRPC that may be tried again. Whoever names one asks for gRPC calls to be sent twice. */
export const retryGrpcCodes = ["cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable"] as const;

/** A response header that asks for another try: present, or with a value. */
export interface RetryHeader {
  readonly header: string;
  readonly exact?: string | undefined;
  readonly prefix?: string | undefined;
}

/** A failure by name, a code of gRPC, a status, or a response header. */
export type RetryCondition = (typeof retryFailures)[number] | (typeof retryGrpcCodes)[number] | number | RetryHeader;

const word = z.enum([...retryFailures, ...retryGrpcCodes]);
const status = z.int().min(400).max(599);
const header = z
  .strictObject({
    header: z
      .string()
      .regex(/^[a-z0-9!#$%&'*+.^_`|~-]{1,128}$/, { error: "use the name of a header in small letters, such as x-try-again" })
      .describe("The response header's name, in small letters."),
    exact: z.string().min(1).max(256).optional().describe("Its whole value. Any unless given."),
    prefix: z.string().min(1).max(256).optional().describe("What its value begins with. Any unless given."),
  })
  .superRefine(({ exact, prefix }, { addIssue }) => {
    if (exact !== undefined && prefix !== undefined)
      addIssue({ code: "custom", path: ["prefix"], message: "exact says the whole value already. Keep one of the two" });
  });

/** The field `on`. */
export const onField = z
  .array(
    z.union([word, status, header], {
      error: `use ${[...retryFailures, ...retryGrpcCodes].join(", ")}, a status from 400 to 599, or { header: x-name }`,
    }),
  )
  .min(1)
  .max(32)
  .describe(
    `What is tried again: failures (connect-failure, refused-stream, reset-before-request: nobody has begun to work on the request; reset: the connection broke before the response; 5xx, gateway-error: 502, 503 and 504, retriable-4xx: 409, envoy-ratelimited), statuses (503), response headers ({ header: x-try-again }) and codes of gRPC (${retryGrpcCodes.join(", ")}). connect-failure, refused-stream, reset-before-request and reset unless given: a status that the application chose is never tried again.`,
  );

/** What is tried again without a word. */
export const defaultConditions: readonly RetryCondition[] = ["connect-failure", "refused-stream", "reset-before-request", "reset"];

/** True where nobody has begun to work on the request. */
export function isHarmless(condition: RetryCondition): boolean {
  return condition === "connect-failure" || condition === "refused-stream" || condition === "reset-before-request";
}

/** True for a code of gRPC. */
export function isGrpcCode(condition: RetryCondition): boolean {
  return (retryGrpcCodes as readonly unknown[]).includes(condition);
}
