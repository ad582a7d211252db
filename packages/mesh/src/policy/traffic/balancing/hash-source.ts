/** What of a request says which endpoint it goes to. */
import { z } from "zod";
import { durationField, milliseconds } from "../duration.js";

/** One part of a request. Times in milliseconds. */
export type HashSource =
  | { readonly header: string }
  /** With `ttl`, Envoy gives a cookie to those that have none; 0: one for the session. */
  | { readonly cookie: { readonly name: string; readonly ttl?: number; readonly path?: string } }
  | { readonly query: string }
  /** The client's address, as Envoy sees it. */
  | { readonly source: "address" };

const token = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}$/;
const parts = ["header", "cookie", "query", "source"] as const;

const source = z
  .strictObject({
    header: z.string().regex(token, { error: "use a header's name, such as x-user" }).optional().describe("A request header, by name."),
    cookie: z
      .strictObject({
        name: z.string().regex(token, { error: "use a cookie's name, such as session" }),
        ttl: durationField("0s", "365d")
          .optional()
          .describe(
            "Envoy makes the cookie for a client that has none, to last this long; 0s: for the session. Nobody makes it unless given.",
          ),
        path: z
          .string()
          .regex(/^\/[^\s;,]{0,255}$/, { error: "use a path, such as /" })
          .optional()
          .describe("The path of the cookie that Envoy makes."),
      })
      .refine(({ ttl, path }) => path === undefined || ttl !== undefined, {
        path: ["path"],
        error: "is for a cookie that Envoy makes. Say its ttl too, or take path out",
      })
      .optional()
      .describe("A cookie."),
    query: z.string().min(1).max(256).optional().describe("A parameter of the query, by name."),
    source: z.literal("address").optional().describe("address: the client's address, as the proxy sees it."),
  })
  .refine((written) => parts.filter((part) => written[part] !== undefined).length === 1, {
    error: `say exactly one of ${parts.join(", ")}. Several are several entries of the list`,
  });

/** The field: parts of a request, of which the first that a request has says where it goes. */
export const hashOnField = z
  .array(source)
  .min(1)
  .max(8)
  .describe(
    "For ring_hash and maglev: what of a request chooses the instance. The first that a request has counts; one without any goes anywhere.",
  );

/** What was written, resolved. */
export function hashSources(written: z.output<typeof hashOnField>): readonly HashSource[] {
  return written.map(({ header, cookie, query }): HashSource => {
    if (header !== undefined) return { header: header.toLowerCase() };
    if (query !== undefined) return { query };
    if (!cookie) return { source: "address" };
    const { name, ttl, path } = cookie;
    return { cookie: { name, ...(ttl === undefined ? {} : { ttl: milliseconds(ttl) }), ...(path === undefined ? {} : { path }) } };
  });
}
