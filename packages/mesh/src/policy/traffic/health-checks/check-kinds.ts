/** The ways in which an instance can be asked for its health. */
import { z } from "zod";

/** Methods of a check, none of which has a body. */
export const checkMethods = ["GET", "HEAD", "OPTIONS", "POST", "PUT"] as const;

const authority = z.string().regex(/^[\x21-\x7e]{1,255}$/, { error: "use a host name" });
const statusRange = z.string().regex(/^[1-5]\d\d-[1-5]\d\d$/, { error: "use a status such as 204, or a range such as 200-299" });
const statuses = z
  .array(z.union([z.int().min(100).max(599), statusRange], { error: "use a status such as 204, or a range such as 200-299" }))
  .min(1)
  .max(32)
  .superRefine((written, { addIssue }) => {
    for (const [i, one] of written.entries()) {
      const { start, end } = statusBounds(one);
      if (end <= start) addIssue({ code: "custom", path: [i], message: `ends before it begins. Write ${end - 1}-${start}` });
    }
  });

/** The statuses that were written, as the first of them and the one behind the last. */
export function statusBounds(written: number | string): { readonly start: number; readonly end: number } {
  const [first = 0, last = first] = String(written).split("-").map(Number);
  return { start: first, end: last + 1 };
}

/** The field `http`. */
export const httpCheckField = z
  .strictObject({
    path: z
      .string()
      .regex(/^\/[\x21-\x7e]{0,1023}$/, { error: "use a path that begins with / and has no blank" })
      .describe("What is asked for."),
    method: z.enum(checkMethods).optional().describe("GET unless given."),
    host: authority.optional().describe("The host that is asked for. The service's name unless given."),
    expected: statuses.optional().describe("Statuses of an instance that is well: 200, or 200-299. 200 unless given."),
    retriable: statuses
      .optional()
      .describe("Statuses that count towards unhealthyThreshold; any other one takes the instance out at once. 500-599 unless given."),
    receive: z
      .array(z.string().min(1).max(256))
      .max(16)
      .optional()
      .describe("Texts that the body must have, in this order. Any body unless given."),
  })
  .superRefine(({ method, receive }, { addIssue }) => {
    if (method === "HEAD" && receive !== undefined)
      addIssue({ code: "custom", path: ["receive"], message: "a HEAD request has no body. Use GET" });
  })
  .describe("An HTTP request. For services that speak http, http2 or grpc.");

const text = z.string().min(1).max(1_024);

/** The field `tcp`. */
export const tcpCheckField = z
  .strictObject({
    send: text.optional().describe("What is sent. Nothing unless given: to connect is enough."),
    receive: z
      .array(text)
      .min(1)
      .max(16)
      .optional()
      .describe(
        "Texts that the answer must have, in this order. Without any, to connect is enough, which an instance behind a proxy of its own passes even if its application is dead.",
      ),
  })
  .describe("A connection, and bytes. For services that speak tcp, and any other.");

/** The field `grpc`. */
export const grpcCheckField = z
  .strictObject({
    service: z
      .string()
      .max(256)
      .optional()
      .describe("The service that grpc.health.v1.Health is asked about. The server as a whole unless given."),
    authority: authority.optional().describe("The service's name unless given."),
  })
  .describe("gRPC's health service. For services that speak grpc or http2.");
