/** ETags: what a client has already is not sent again, and what others have changed meanwhile is not overwritten (RFC 9110, section 13). */
import { createHash } from "node:crypto";
import type { FastifyInstance } from "fastify";

/** The largest answer that gets a tag of its content; bytes. Hashing it takes about 0.1 ms. */
const largestTagged = 256 * 1_024;

/**
 * Gives every successful GET whose answer is at hand as a whole a weak tag of its content, and answers 304 to whoever has it. Answers that are
 * written piece by piece have none. No answer to a GET is for a cache that several callers share, unless its route says so.
 */
export function useEntityTags(app: FastifyInstance): void {
  app.addHook("onSend", async ({ method, headers }, reply, payload) => {
    if (method !== "GET" && method !== "HEAD") return payload;
    // What one caller may read, or may not, is not for the others.
    if (!reply.hasHeader("cache-control"))
      void reply.headers({ "cache-control": "private, no-cache", vary: "X-Consul-Token, Authorization" });
    if (reply.statusCode !== 200) return payload;
    let tag = reply.getHeader("etag");
    if (tag === undefined) {
      if (typeof payload !== "string" && !Buffer.isBuffer(payload)) return payload;
      if (payload.length > largestTagged) return payload;
      tag = `W/"${createHash("sha256").update(payload).digest("base64url").slice(0, 22)}"`;
      void reply.header("etag", tag);
    }
    if (!matches(headers["if-none-match"], String(tag))) return payload;
    void reply.code(304).removeHeader("content-length").removeHeader("content-type");
    return null;
  });
}

/** Whether a condition's header names the tag, as `If-None-Match` compares. */
export function matches(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  const opaque = (word: string) => word.trim().replace(/^W\//, "");
  return header.trim() === "*" || header.split(",").some((word) => opaque(word) === opaque(tag));
}
