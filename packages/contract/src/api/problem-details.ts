/** Errors of the HTTP API: problem details (RFC 9457). */
import { z } from "zod";
import type { View } from "./view.js";

/** The body of every answer that is no success; its media type is `application/problem+json`. */
export const problemDetails = z
  .object({
    type: z.string().describe("Where this kind of problem is explained, as a path of this server."),
    title: z.string().describe("The kind of problem in a few words, the same for each status."),
    status: z.int().min(400).max(599).describe("The status of the answer."),
    code: z.string().describe("Stable dotted name of the problem, for programs: `service.unknown`."),
    detail: z.string().describe("What is wrong and what to do, for people."),
    missing: z.string().optional().describe("The ACL rules that the caller lacks, as HCL to paste into a policy of its token."),
  })
  .meta({ id: "ProblemDetails", description: "What went wrong, and what to do (RFC 9457)." });
/** See `problemDetails`. */
export type ProblemDetails = View<typeof problemDetails>;
