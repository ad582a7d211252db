/** What of a request's address is written anew before it is sent. */
import { z } from "zod";
import { type PathRewrite, pathRewrite, pathRewriteFields } from "./path-rewrite.js";

/** What is written anew. */
export interface Rewrite {
  readonly path: PathRewrite | undefined;
  readonly host: string | undefined;
}

/** A host name without a port. */
export const hostField = z.string().regex(/^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/, { error: "use a host name" });

/** The field `rewrite`. */
export const rewriteField = z
  .strictObject({ ...pathRewriteFields, host: hostField.optional().describe("The Host header, or :authority, that the service sees.") })
  .refine((written) => Object.values(written).some((value) => value !== undefined), {
    error: "says nothing. Write path, prefix, regex, template or host",
  })
  .describe("What of the address is written anew before the request is sent: one way for the path, and the host.");

/** What was written. */
export function rewrite(written: z.output<typeof rewriteField>): Rewrite {
  return { path: pathRewrite(written), host: written.host };
}
