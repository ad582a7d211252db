/** What may be an attack or is about to lock somebody out: counted, listed, and logged no faster than people can read. */

import { type Clock, Counter, type Logger, type Registry } from "@legation/runtime";
import type { Teller } from "../events/events.js";

/**
 * The kinds. `handshake-refused`: a TLS handshake at a port of the control plane failed on its certificate. `claim-refused`: a proxy or an
 * agent said that it is somebody whom its certificate or token does not name. `calls-denied`: one caller of the API was refused more often
 * than a mistake explains. `service-calls-denied`: intentions refused one service's calls to another more often than that. `bundle-tampered`: policies in the store lack the signatures or the hashes that they must have.
 * `certificate-expiring`: a certificate ends soon and was not renewed.
 */
export const securityEventKinds = [
  "handshake-refused",
  "claim-refused",
  "calls-denied",
  "service-calls-denied",
  "bundle-tampered",
  "certificate-expiring",
] as const;
/** One of `securityEventKinds`. */
export type SecurityEventKind = (typeof securityEventKinds)[number];

/** What is told of an event. */
export interface SecurityReport {
  readonly kind: SecurityEventKind;
  /** Whom it is about, so that repetitions are counted together: a peer's address without its port, a service, a SPIFFE ID, a bundle. */
  readonly subject: string;
  /** What happened, in a sentence; never with a secret. */
  readonly message: string;
  /** More for programs, such as the peer or the claim. */
  readonly detail?: Readonly<Record<string, string | number>>;
}

/** An event that is kept. Reports of one kind and subject within `gatherMs` are one event. */
export interface SecurityEvent extends SecurityReport {
  readonly sequence: number;
  /** First and last time; milliseconds since the epoch. */
  readonly at: number;
  readonly lastAt: number;
  /** How many reports it stands for. */
  readonly count: number;
}

/** The events of this replica. */
export interface SecurityEvents {
  /** Takes a report; never throws. */
  report(report: SecurityReport): void;
  /** Oldest first. */
  list(): readonly SecurityEvent[];
}

/** Reports of one kind and subject are one event for this long after its first; milliseconds. */
export const gatherMs = 60_000;
/** Events kept at most. */
export const securityEventsKept = 1_000;
/** Lines of one kind that are logged in `gatherMs` at most. */
export const linesPerKind = 20;

const longestSubject = 256;
const longestMessage = 1_024;

type Kept = { -readonly [K in keyof SecurityEvent]: SecurityEvent[K] };

/** Makes an empty list; its counter `legation_security_events_total` has the kind as label, and stands at 0 from the start. */
export function createSecurityEvents(o: { log: Logger; metrics: Registry; clock: Clock; events?: Teller }): SecurityEvents {
  const total = new Counter({
    name: "legation_security_events_total",
    help: "Security events by kind, repetitions included.",
    labelNames: ["kind"] as const,
    registers: [o.metrics],
  });
  for (const kind of securityEventKinds) total.inc({ kind }, 0);
  const kept: Kept[] = [];
  /** The event that gathers, by kind and subject; the oldest first. */
  const gathering = new Map<string, { readonly event: Kept; readonly begun: number }>();
  const lines = new Map<SecurityEventKind, { begun: number; written: number; left: number }>();
  let sequence = 0;

  function write(event: SecurityEvent, begun: number): void {
    const { kind, subject, message, detail } = event;
    let window = lines.get(kind);
    if (!window || begun - window.begun >= gatherMs) {
      if (window && window.left > 0)
        o.log.warn(
          { event: "security.unlogged", kind, count: window.left },
          `${window.left} more security events ${kind} were not logged: see GET /api/security-events`,
        );
      window = { begun, written: 0, left: 0 };
      lines.set(kind, window);
    }
    if (window.written >= linesPerKind) return void window.left++;
    window.written++;
    o.log.warn({ event: `security.${kind}`, subject, ...(detail ? { detail } : {}) }, message);
  }

  function tell({ kind, subject, message }: SecurityEvent): void {
    if (kind === "certificate-expiring")
      o.events?.tell({ type: "certificate.expiring", severity: "error", text: message, details: { subject, why: message } });
    else o.events?.tell({ type: "security.reported", severity: "warning", text: message, details: { kind, subject } });
  }

  return {
    report({ kind, subject, message, detail }) {
      total.inc({ kind });
      const now = o.clock.monotonic();
      for (const [key, { begun }] of gathering) {
        if (now - begun < gatherMs && gathering.size <= securityEventsKept) break;
        gathering.delete(key);
      }
      const key = `${kind} ${subject.slice(0, longestSubject)}`;
      const open = gathering.get(key);
      if (open) {
        open.event.count++;
        open.event.lastAt = o.clock.now();
        return;
      }
      const at = o.clock.now();
      const event: Kept = {
        sequence: ++sequence,
        at,
        lastAt: at,
        count: 1,
        kind,
        subject: subject.slice(0, longestSubject),
        message: message.slice(0, longestMessage),
        ...(detail ? { detail } : {}),
      };
      gathering.set(key, { event, begun: now });
      kept.push(event);
      if (kept.length > 2 * securityEventsKept) kept.splice(0, kept.length - securityEventsKept);
      write(event, now);
      tell(event);
    },
    list: () => kept.slice(-securityEventsKept),
  };
}
