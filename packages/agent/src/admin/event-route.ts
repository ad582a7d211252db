/** `GET /events`: the recent events as JSON, or with `Accept: text/event-stream` those and each new one as it happens. */
import type { FastifyInstance } from "fastify";
import type { AgentEvent, EventBook } from "./event-book.js";

/** Followers at once, at most. */
export const followersAtOnce = 32;

const signMs = 10_000;

/** Adds the route. `Last-Event-ID` (or `?after=`) leaves out the events up to that sequence. */
export function addEventRoute(server: FastifyInstance, book: EventBook): void {
  const open = new Set<() => void>();
  server.addHook("preClose", async () => {
    for (const end of open) end();
  });
  server.get<{ Querystring: { after?: string } }>("/events", { exposeHeadRoute: false }, async (request, reply) => {
    const after = Number(request.query.after ?? request.headers["last-event-id"] ?? 0) || 0;
    const recent = book.list().filter(({ sequence }) => sequence > after);
    if (!request.headers.accept?.includes("text/event-stream")) return { events: recent };
    if (open.size >= followersAtOnce)
      return await reply
        .code(429)
        .send({ success: false, code: "admin.full", message: `${followersAtOnce} programs follow the events already: end one of them` });
    reply.hijack();
    const { raw } = reply;
    raw.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    raw.write(": open\n\n");
    const send = (event: AgentEvent): void => {
      // What nobody reads must not pile up here.
      if (raw.writableNeedDrain) raw.destroy();
      else raw.write(`id: ${event.sequence}\nevent: ${event.event}\ndata: ${JSON.stringify(event)}\n\n`);
    };
    raw.write(recent.map((event) => `id: ${event.sequence}\nevent: ${event.event}\ndata: ${JSON.stringify(event)}\n\n`).join(""));
    const unfollow = book.follow(send);
    const sign = setInterval(() => raw.write(": still here\n\n"), signMs);
    const end = (): void => void raw.end();
    open.add(end);
    raw.on("error", () => raw.destroy());
    raw.once("close", () => {
      clearInterval(sign);
      unfollow();
      open.delete(end);
    });
    return reply;
  });
}
