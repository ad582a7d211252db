/** Listings in pages: a page begins behind the last name of the page before, so that what comes and goes meanwhile moves nothing. */
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";

/** Entries of a page, at most. */
const largestPage = 1_000;

/** What the query of a listing may say. */
export const pageQuery = {
  limit: z.int().min(1).max(largestPage).optional().describe("Entries of a page; all unless given."),
  cursor: z.string().min(1).max(600).optional().describe("`nextCursor` of the page before."),
};

/** A page, and where the next one begins; undefined with the last one. */
export interface Page<T> {
  readonly entries: readonly T[];
  readonly nextCursor: string | undefined;
}

/** Cuts a page out of all entries, by their names, in the order of these by code unit; and links to the next in the answer's header (RFC 8288). */
export function pageOf<T>(
  { query, url }: Pick<FastifyRequest<{ Querystring: { limit?: number | undefined; cursor?: string | undefined } }>, "query" | "url">,
  reply: FastifyReply,
  all: readonly T[],
  nameOf: (entry: T) => string,
): Page<T> {
  const { limit, cursor } = query;
  if (limit === undefined && cursor === undefined) return { entries: all, nextCursor: undefined };
  const named = all.map((entry) => [nameOf(entry), entry] as const).filter(([name]) => cursor === undefined || name > cursor);
  named.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const page = named.slice(0, limit ?? largestPage);
  const nextCursor = named.length > page.length ? page.at(-1)?.[0] : undefined;
  if (nextCursor !== undefined) {
    const next = new URL(url, "http://legation");
    next.searchParams.set("cursor", nextCursor);
    void reply.header("link", `<${next.pathname}${next.search}>; rel="next"`);
  }
  return { entries: page.map(([, entry]) => entry), nextCursor };
}

/** A sequence number as a name whose order is that of the numbers. */
export function sequenceName({ sequence }: { readonly sequence: number }): string {
  return String(sequence).padStart(16, "0");
}
