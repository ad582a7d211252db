/** How long a request may take. */
import { z } from "zod";
import { aspect } from "../aspect.js";
import { durationField, milliseconds } from "../duration.js";

/** The timeouts, in milliseconds; 0 = none. */
export interface TimeoutSettings {
  /** From the end of the request to the end of the response, retries included. gRPC calls bring their own deadline instead. */
  readonly request: number;
  /** Of a stream, or a TCP connection from a local port, on which neither side sends anything. */
  readonly idle: number;
  /** From the end of the request to the beginning of the response, for each try of a request that may be sent twice. */
  readonly perTry: number;
  /** Of a try on which neither side sends anything. */
  readonly perTryIdle: number;
  /** From the first byte of a request to the last of its response, whatever it is. Bounds the deadlines of gRPC calls too. */
  readonly stream: number;
}

const twice = "Only for requests that may be sent twice: idempotent methods, or all with methods: all in retries or hedging.";

/** The aspect. */
export const timeouts = aspect({
  schema: z
    .strictObject({
      request: durationField("0s", "24h")
        .optional()
        .describe(
          "From the end of the request to the end of the response, retries included; gRPC calls bring their own deadline instead. 30s unless given; 0s: none.",
        ),
      idle: durationField("0s", "24h")
        .optional()
        .describe(
          "A request on which neither side has sent anything for this long ends, a WebSocket and a TCP connection from a local port too. None unless given, or 0s.",
        ),
      perTry: durationField("0s", "24h")
        .optional()
        .describe(
          `How long one try may take to begin its response; then the next one is sent where retries.on has reset, 5xx or gateway-error, and else the caller gets 504. ${twice} None unless given, or 0s.`,
        ),
      perTryIdle: durationField("0s", "24h")
        .optional()
        .describe(`A try on which neither side has sent anything for this long ends. ${twice} None unless given, or 0s.`),
      stream: durationField("0s", "24h")
        .optional()
        .describe(
          "From the first byte of a request to the last of its response: the longest that a stream lives, and the longest deadline of a gRPC call. None unless given, or 0s.",
        ),
    })
    .superRefine(({ request, perTry }, { addIssue }) => {
      if (request === undefined || perTry === undefined || milliseconds(request) === 0) return;
      if (milliseconds(perTry) >= milliseconds(request))
        addIssue({
          code: "custom",
          path: ["perTry"],
          message: `is not shorter than request (${request}), so that no second try fits. Shorten it`,
        });
    })
    .describe("How long a request may take."),
  defaults: { request: 30_000, idle: 0, perTry: 0, perTryIdle: 0, stream: 0 } satisfies TimeoutSettings as TimeoutSettings,
  over(written, below) {
    const of = (key: keyof TimeoutSettings) => {
      const text = written[key];
      return text === undefined ? below[key] : milliseconds(text);
    };
    return { request: of("request"), idle: of("idle"), perTry: of("perTry"), perTryIdle: of("perTryIdle"), stream: of("stream") };
  },
});
