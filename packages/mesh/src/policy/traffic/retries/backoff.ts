/** How long a caller's Envoy waits between attempts. */
import { z } from "zod";
import { durationField, milliseconds } from "../duration.js";

/** A response header by which a service says when to come back: seconds from now, or a time in seconds since 1970. */
export interface ResetHeader {
  readonly name: string;
  readonly format: "seconds" | "unix";
}

/** The waits, in milliseconds. */
export interface Backoff {
  /** The first wait, and the longest: before attempt n Envoy waits a random time below `base × (2^n − 1)`, and below `max`. */
  readonly base: number;
  readonly max: number;
  /** Where a response has one of these, that long to half as long again is waited instead; the first that can be read counts. */
  readonly headers: readonly ResetHeader[];
  /** A header that says longer is passed over. */
  readonly headersMax: number;
}

const resetHeader = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/, { error: "use the name of a header, such as Retry-After" }),
  format: z.enum(["seconds", "unix"]).optional().describe("seconds, the default: how long. unix: when, in seconds since 1970."),
});

/** The field `backoff`. */
export const backoffField = z
  .strictObject({
    base: durationField("1ms", "1m").optional().describe("The first wait. 25ms unless given."),
    max: durationField("1ms", "5m").optional().describe("The longest wait. Ten times the first unless given."),
    headers: z
      .array(resetHeader)
      .max(8)
      .optional()
      .describe(
        "Response headers that say how long to wait instead, such as { name: Retry-After }. Only responses that retries.on names are waited for: 429, 503. None unless given.",
      ),
    headersMax: durationField("1s", "1h").optional().describe("A header that says longer is passed over. 5m unless given."),
  })
  .superRefine(({ base, max }, { addIssue }) => {
    if (base !== undefined && max !== undefined && milliseconds(max) < milliseconds(base))
      addIssue({ code: "custom", path: ["max"], message: `is shorter than base (${base}). Make it longer` });
  })
  .describe("The waits between attempts, which are jittered.");

/** What holds without a word. */
export const defaultBackoff: Backoff = { base: 25, max: 250, headers: [], headersMax: 300_000 };

/** `below` with what was written put over it. A first wait without a longest one brings its own: ten times as long. */
export function backoffOver({ base, max, headers, headersMax }: z.output<typeof backoffField>, below: Backoff): Backoff {
  const first = base === undefined ? below.base : milliseconds(base);
  const longest = base === undefined ? below.max : 10 * first;
  return {
    base: first,
    max: Math.max(first, max === undefined ? longest : milliseconds(max)),
    headers: headers?.map(({ name, format = "seconds" }) => ({ name, format })) ?? below.headers,
    headersMax: headersMax === undefined ? below.headersMax : milliseconds(headersMax),
  };
}
