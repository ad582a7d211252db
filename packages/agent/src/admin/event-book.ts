/** What happened lately, as the log says it: the last events, and each new one for those who follow. */
import type { Logger } from "@legation/runtime";

/** One event: the fields of its log line. */
export interface AgentEvent {
  readonly sequence: number;
  /** RFC 3339. */
  readonly at: string;
  readonly level: "info" | "warn" | "error";
  /** Stable, such as `leave.step`. */
  readonly event: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

/** See the file's sentence. */
export interface EventBook {
  /** Oldest first; the last `eventsKept`. */
  list(): readonly AgentEvent[];
  /** Calls back with each new event until the returned function is called. */
  follow(listener: (event: AgentEvent) => void): () => void;
}

/** Events kept. */
export const eventsKept = 500;

/** Lines of the service's and Envoy's own output are no events. */
const left = new Set(["service.output", "envoy.output"]);

/** Makes a logger like `log`, and the book of what is said through it. `now` is milliseconds since the epoch. */
export function bookEvents(log: Logger, now: () => number): { readonly log: Logger; readonly book: EventBook } {
  const kept: AgentEvent[] = [];
  const listeners = new Set<(event: AgentEvent) => void>();
  let sequence = 0;
  const add = (level: AgentEvent["level"], fields: unknown, message: unknown): void => {
    if (typeof fields !== "object" || fields === null || !("event" in fields)) return;
    const { event } = fields;
    if (typeof event !== "string" || left.has(event)) return;
    const entry = { ...fields, sequence: ++sequence, at: new Date(now()).toISOString(), level, event, message: String(message ?? "") };
    kept.push(entry);
    if (kept.length > eventsKept) kept.shift();
    for (const listener of listeners) listener(entry);
  };
  const booked = log.child({});
  for (const level of ["info", "warn", "error"] as const) {
    const write = booked[level].bind(booked) as (fields: unknown, message?: string) => void;
    booked[level] = ((fields: unknown, message?: string) => {
      add(level, fields, message);
      write(fields, message);
    }) as Logger[typeof level];
  }
  return {
    log: booked,
    book: {
      list: () => [...kept],
      follow(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
  };
}
