/** `GET /api/events`: what happened in the mesh, as a list and as a live stream; and the route on which control planes tell each other. */
import { count, eventList, eventQuery, type MeshEvent } from "@legation/contract/api";
import type { Clock } from "@legation/runtime";
import type { FastifyInstance, FastifyReply } from "fastify";
import { type Cursor, cursorText, movedOn, parseCursor } from "../events/cursor.js";
import type { KeptRow } from "../events/event-log.js";
import { visible, wanted } from "../events/filter.js";
import { answerEvents, eventsPath } from "../events/relay.js";
import type { EventSetup } from "../events/setup.js";
import { eventStreams, streamEvents } from "../events/stream.js";
import { addReplicaRoute } from "../replicas/route.js";
import { listing } from "../security/right.js";
import { sendProblem } from "./problem.js";
import { addRoute } from "./route.js";

/** What the routes read. */
export type EventSource = Pick<EventSetup, "log" | "silent">;

const nothing: Cursor = new Map();

/** Rows of which it is asked together whether the caller may see them. */
const rowsAtOnce = 500;

/** Adds the route for readers. A caller is given the events of services that it may read, and with the right to read the mesh all. */
export function addEventRoutes(app: FastifyInstance, source: EventSource, clock: Clock): void {
  const { log } = source;
  let open = 0;
  addRoute(
    app,
    {
      method: "GET",
      path: "/api/events",
      tag: "events",
      summary: "What happened in the mesh",
      description:
        "With `Accept: text/event-stream` a stream of server-sent events that does not end: each has the type as `event:`, the event as `data:`, and as `id:` a place that every control plane knows. A reader that gives it back as `Last-Event-ID` goes on there. An event `gap` says that some are missing.",
      right: listing,
      query: eventQuery,
      answers: { 200: eventList },
      problems: { 429: "As many streams are open as this control plane serves." },
      headless: true,
    },
    async (request, reply) => {
      const { query, access } = request;
      const accept = request.headers.accept ?? "";
      const live = accept.includes("text/event-stream");
      const last = request.headers["last-event-id"];
      const asked = live && typeof last === "string" && last !== "" ? last : query.after;
      const given = asked === undefined ? undefined : parseCursor(asked);
      if (asked !== undefined && given === undefined && !live)
        return sendProblem(reply, 400, "request.invalid", "after: give what an earlier answer said as `next`, or the `id:` of an event");
      const isWanted = wanted(query);
      if (!live) {
        const behind = given ?? (query.since === undefined ? undefined : nothing);
        return list(behind, query.limit, isWanted, (rows) => visible(rows, access), given);
      }
      if (open >= eventStreams)
        return sendProblem(
          reply,
          429,
          "events.full",
          `this control plane serves ${eventStreams} streams of events already; use another one`,
        );
      open++;
      reply.hijack();
      void stream(reply, asked, given, query.since !== undefined, isWanted, (rows) => visible(rows, access)).finally(() => open--);
      return reply;
    },
  );

  async function list(
    behind: Cursor | undefined,
    limit: number,
    isWanted: (event: MeshEvent) => boolean,
    see: (rows: readonly KeptRow[]) => Promise<readonly KeptRow[]>,
    given: Cursor | undefined,
  ) {
    const here = log.cursor();
    const all = log.list().filter((row) => isWanted(row.event) && !(behind && log.covers(behind, row)));
    // One more than fits says that there are more; what does not fit is not asked about at Consul.
    const seen: KeptRow[] = [];
    for (let at = 0; at < all.length && seen.length <= limit; at += rowsAtOnce)
      if (behind) seen.push(...(await see(all.slice(at, at + rowsAtOnce))));
      else seen.unshift(...(await see(all.slice(Math.max(0, all.length - at - rowsAtOnce), all.length - at))));
    const rows = behind ? seen.slice(0, limit) : seen.slice(-limit);
    const more = behind !== undefined && seen.length > limit;
    const next = more ? cursorBehind(behind, rows.at(-1)) : movedOn(behind ?? nothing, here);
    const gap = given && log.gap(given);
    return { events: rows.map(({ event }) => event), next: cursorText(next), more, ...(gap ? { gap } : {}), silent: source.silent() };
  }

  /** What a reader has who was given everything up to a row. */
  function cursorBehind(before: Cursor, last: KeptRow | undefined): Cursor {
    const given = log.list().filter(({ place }) => last && place <= last.place);
    return movedOn(
      before,
      given.map(({ run, seq }) => [run, seq]),
    );
  }

  function stream(
    reply: FastifyReply,
    asked: string | undefined,
    given: Cursor | undefined,
    since: boolean,
    isWanted: (event: MeshEvent) => boolean,
    see: (rows: readonly KeptRow[]) => Promise<readonly KeptRow[]>,
  ): Promise<void> {
    const fromStart = { place: (log.list()[0]?.place ?? log.end + 1) - 1, cursor: given ?? nothing };
    const from = asked === undefined && !since ? { place: log.end, cursor: log.cursor() } : fromStart;
    const unknown = { missing: 0, why: "the place that was asked for is none of these streams: everything that is kept follows" };
    const gap = asked === undefined ? undefined : given ? log.gap(given) : unknown;
    return streamEvents({ raw: reply.raw, log, from, gap, wanted: isWanted, visible: see, clock });
  }
}

/** Adds the route for other control planes. */
export function addEventRelayRoute(app: FastifyInstance, { log }: Pick<EventSource, "log">, clock: Clock): void {
  addReplicaRoute(app, {
    path: eventsPath,
    summary: "Events that the asking one does not have",
    properties: { after: count.describe("The place in this one's log that the asking one has come to.") },
    answer: ({ after }, signal) => answerEvents(log, after, clock, signal),
  });
}
