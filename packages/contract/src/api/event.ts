/** One thing that happened in the mesh: what the API lists and streams, and what alerts, dashboards and the event bus are made of. */
import { z } from "zod";
import { eventDetails } from "./event-details.js";
import type { View } from "./view.js";

/** One of the names in `eventDetails`. */
export type EventType = keyof typeof eventDetails;

/** All of them, in the order of the documentation. */
export const eventTypes = Object.keys(eventDetails) as readonly EventType[];

/** How bad an event is; each is worse than the one before. `error`: somebody should look now. */
export const severities = ["info", "warning", "error"] as const;
/** One of `severities`. */
export type Severity = (typeof severities)[number];

const common = {
  id: z.string().describe("Names the event at every control plane: what has the same `id` is the same event."),
  time: z.string().describe("When the first control plane saw it, RFC 3339."),
  severity: z.enum(severities),
  service: z.string().optional().describe("The service that it is about; absent for what concerns the mesh."),
  instance: z.string().optional().describe("The instance or proxy that it is about: `<Consul node>/<service id>`."),
  policy: z.string().optional().describe("The policy and the path in it, where one is to blame."),
  replica: z.string().describe("`host:port` of the control plane that told it first."),
  text: z.string().describe("What happened, in a sentence."),
};
const commonSchema = z.object(common);

/** An event of one type, with the details of that type. */
export type EventOf<T extends EventType> = View<typeof commonSchema> & {
  readonly type: T;
  readonly details: View<(typeof eventDetails)[T]>;
};

/** See the file's sentence. */
export type MeshEvent = { [T in EventType]: EventOf<T> }[EventType];

const schemas = Object.entries(eventDetails).map(([type, details]) =>
  z.object({ ...common, type: z.literal(type), details }).meta({ description: details.description }),
);

/** The schema of `MeshEvent`, discriminated by `type`. */
export const meshEvent: z.ZodType<MeshEvent> = z
  .discriminatedUnion("type", schemas as unknown as readonly [(typeof schemas)[0], ...typeof schemas])
  .meta({ id: "MeshEvent", description: "Something that happened in the mesh." }) as unknown as z.ZodType<MeshEvent>;

/** Where events are missing in a list or a stream: what was asked for is older than what is kept. */
export const eventGap = z
  .object({
    missing: z.int().describe("Events that are certainly missing; 0 where nobody can count them."),
    why: z.string(),
  })
  .meta({ id: "EventGap", description: "Events are missing here: what was asked for is older than what is kept." });
/** See `eventGap`. */
export type EventGap = View<typeof eventGap>;

/** The query of `GET /api/events`. */
export const eventQuery = z.object({
  after: z
    .string()
    .max(4_096)
    .optional()
    .describe("`next` of an earlier answer, of whichever control plane, or the `id:` of a streamed event."),
  since: z.iso.datetime({ offset: true }).optional().describe("Events of this time and later, RFC 3339."),
  type: z.string().max(1_024).optional().describe("Types or beginnings of types, divided by commas: `breaker,instance.health-changed`."),
  service: z.string().max(256).optional().describe("The name of a service."),
  severity: z.enum(severities).optional().describe("This severity or a worse one."),
  limit: z.coerce.number().int().min(1).max(1_000).default(100).describe("Events in the answer at most. Not for a stream."),
});
/** See `eventQuery`. */
export type EventQuery = View<typeof eventQuery>;

/** The answer of `GET /api/events`. */
export const eventList = z
  .object({
    events: z
      .array(meshEvent)
      .describe("In the order in which this control plane learnt of them, the oldest first; without `after` and `since` the newest."),
    next: z.string().describe("Give it as `after` to be told what comes next."),
    more: z.boolean().describe("There are more now."),
    gap: eventGap.optional(),
    silent: z
      .array(z.string())
      .describe("Control planes that do not tell their events now, each with the reason: what only they see is missing."),
  })
  .meta({ id: "EventList", description: "What happened in the mesh." });
/** See `eventList`. */
export type EventList = View<typeof eventList>;
