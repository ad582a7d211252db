/** Who may use the agent's API: programs on this machine, and what changes or reveals something only with the token. */
import { timingSafeEqual } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { isLoopback } from "../config/rules.js";

/** Paths, without the version, that orchestrators and scrapers ask without a token. */
const open = new Set(["/live", "/ready", "/health", "/metrics"]);

/** What is asked for at the door. */
export interface Access {
  /** Expected as `Authorization: Bearer …`; without it (on a Unix socket, whose mode says who may) nobody is asked. */
  readonly token?: string;
  /** Where the token is kept, for the message to who lacks it. */
  readonly tokenFile: string;
}

/** Refuses with 403 what a web page sends, and with 401 what lacks the token. */
export function guard(server: FastifyInstance, { token, tokenFile }: Access): void {
  const refuse = (reply: FastifyReply, status: number, code: string, message: string) =>
    reply.code(status).send({ success: false, code, message });
  server.addHook("onRequest", async (request, reply) => {
    if (token === undefined) return;
    // A web page on this machine must not reach the API: browsers send an Origin, or a Host that was made to resolve to loopback.
    const host = request.headers.host ?? "";
    if (request.headers.origin !== undefined || !isLoopback(host.replace(/:\d+$/, "")))
      return await refuse(reply, 403, "admin.foreign", "this API is for programs on this machine: call it by its loopback address");
    if (open.has(pathOf(request)) || carries(request, token)) return;
    const how = `send the header "Authorization: Bearer TOKEN" with the token that stands in ${tokenFile}, or use the legation command`;
    return await refuse(
      reply.header("www-authenticate", "Bearer"),
      401,
      "admin.token",
      `${request.method} ${request.url} needs the agent's token: ${how}`,
    );
  });
}

/** The last part of the route's path, whatever stands before it. */
function pathOf(request: FastifyRequest): string {
  return (request.routeOptions.url ?? "").replace(/^.*(?=\/)/, "");
}

function carries(request: FastifyRequest, token: string): boolean {
  const given = Buffer.from(request.headers.authorization ?? "");
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}
