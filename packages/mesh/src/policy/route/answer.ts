/** Answers that the caller's proxy gives by itself: a redirect, or a response. */
import { z } from "zod";
import { type PathRewrite, pathRewrite, pathRewriteFields } from "./path-rewrite.js";
import { hostField } from "./rewrite.js";

/** "Ask there": what is left out stays as it is. */
export interface Redirect {
  readonly scheme: "http" | "https" | undefined;
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly path: PathRewrite | undefined;
  readonly status: (typeof redirectStatuses)[number];
  readonly stripQuery: boolean;
}

/** A response without asking the service. */
export interface Respond {
  readonly status: number;
  readonly body: string;
}

/** The statuses of redirects. */
export const redirectStatuses = [301, 302, 303, 307, 308] as const;

/** Envoy's limit of a body, in bytes of UTF-8. */
const largestBody = 4_096;

const { path, prefix, regex } = pathRewriteFields;

/** The field `redirect`. */
export const redirectField = z
  .strictObject({
    scheme: z.enum(["http", "https"]).optional().describe("Of the new address."),
    host: hostField.optional().describe("Of the new address."),
    port: z.int().min(1).max(65_535).optional().describe("Of the new address."),
    ...{ path, prefix, regex },
    status: z
      .literal([...redirectStatuses])
      .optional()
      .describe("302 unless given. 307 and 308 keep the method; 301 and 308 are kept for ever by browsers."),
    stripQuery: z.boolean().optional().describe("The query is left out. false unless given."),
  })
  .refine((to) => [to.scheme, to.host, to.port, to.path, to.prefix, to.regex].some((value) => value !== undefined), {
    error: "leads back to the same address. Write scheme, host, port, path, prefix or regex",
  })
  .describe("The caller is told to ask at another address.");

/** The field `respond`. */
export const respondField = z
  .strictObject({
    status: z.int().min(200).max(599).describe("The status: any but those of redirects, 300 to 399."),
    body: z
      .string()
      .refine((text) => bytesOf(text) <= largestBody, { error: `is longer than ${largestBody} bytes. Shorten it` })
      .optional()
      .describe("Text of at most 4096 bytes. Empty unless given."),
  })
  .superRefine(({ status, body = "" }, { addIssue }) => {
    if (status >= 300 && status < 400)
      addIssue({ code: "custom", path: ["status"], message: "leads elsewhere. Write redirect in place of respond" });
    else if (isBodiless(status) && body !== "")
      addIssue({ code: "custom", path: ["body"], message: `does not go with ${status}, which has none. Take it out` });
  })
  .describe("The caller's proxy answers by itself.");

/** True for a status whose responses have no body: clients take one that Envoy sends all the same for the next response. */
export function isBodiless(status: number): boolean {
  return status === 204 || status === 205 || status === 304;
}

/** Bytes of a text in UTF-8. */
function bytesOf(text: string): number {
  return [...text].reduce((sum, character) => {
    const code = character.codePointAt(0) ?? 0;
    return sum + (code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x1_0000 ? 3 : 4);
  }, 0);
}

/** The redirect that was written. */
export function redirect(written: z.output<typeof redirectField>): Redirect {
  const { scheme, host, port, status = 302, stripQuery = false } = written;
  return { scheme, host, port, path: pathRewrite(written), status, stripQuery };
}

/** The response that was written. */
export function respond({ status, body = "" }: z.output<typeof respondField>): Respond {
  return { status, body };
}
