/**
 * The circuit breakers of this instance as a caller, from the figures of its own Envoy (DESIGN §5): an ejected instance is an open breaker, one
 * that has come back is half-open until `successThreshold` of its answers were successes, and a limit that is exceeded is an open breaker of
 * the whole service.
 */
import { type BreakerState, type ReportedBreaker, reportedBreakers, reportedCauseLength } from "@legation/contract";
import type { Clock, Logger } from "@legation/runtime";
import type { EnvoyHost } from "../envoy/admin.js";
import { ejectionOf } from "./ejection.js";

/** A limit that was exceeded is shown for this long after the last time; milliseconds. */
export const limitHold = 15_000;

/** Breakers that are kept at most; what opens beyond them is not shown. */
export const breakersKept = 1_000;

/** See the file's sentence. */
export interface Breakers {
  /** Takes a line of Envoy's output. False when it tells of no ejection and no return. */
  take(line: string): boolean;
  /**
   * Takes what Envoy says of all hosts of these services, or, without them, of all services: where its lines were lost, this is right. What
   * has changed since Envoy was asked (`askedAt`, monotonic) stays: a line that came meanwhile is newer.
   */
  look(hosts: readonly EnvoyHost[], askedAt: number, services?: readonly string[]): void;
  /** The limits that were exceeded since the last time, in words, by service. */
  exceed(limits: ReadonlyMap<string, string>): void;
  /** How many successes close the breakers of a service's instances, as a control plane says. Until it has, none closes. */
  learn(thresholds: Readonly<Record<string, number>>): void;
  /** Another Envoy runs: it has ejected nothing yet. */
  forget(): void;
  /** The services with an instance whose breaker is not closed. */
  watched(): readonly string[];
  /** Some instance is half-open. */
  readonly trying: boolean;
  /** For the report: at most `reportedBreakers`. */
  rows(): readonly ReportedBreaker[];
}

interface Row {
  readonly service: string;
  readonly address?: string;
  state: BreakerState;
  cause: string;
  /** Milliseconds since the epoch. */
  since: number;
  /** When that was learned, monotonic. */
  learnedAt: number;
  /** Successes that Envoy had counted before the instance came back. */
  base?: number;
  /** Of a limit: when it was last exceeded, monotonic. */
  seen?: number;
}

/** Makes it; `onChange` is called when a state has changed. */
export function createBreakers(o: { clock: Clock; log: Logger; onChange: () => void }): Breakers {
  const rows = new Map<string, Row>();
  let thresholds: Readonly<Record<string, number>> = {};
  /** Lines that are older are those of an Envoy before. */
  let from = 0;

  const say = (event: string, { service, address, cause }: Row, message: string, level: "info" | "warn"): void =>
    o.log[level]({ event, service, ...(address === undefined ? {} : { address }), cause }, message);

  const open = (service: string, address: string | undefined, cause: string, since: number): void => {
    const key = keyOf(service, address);
    const known = rows.get(key);
    if (known?.state === "open" || (!known && rows.size >= breakersKept)) return;
    const row: Row = {
      service,
      ...(address === undefined ? {} : { address }),
      state: "open",
      cause,
      since,
      learnedAt: o.clock.monotonic(),
    };
    rows.set(key, row);
    const what = address === undefined ? `a limit towards ${service} is exceeded` : `${address} of ${service} is ejected`;
    say("breaker.opened", row, `${what}: ${cause}`, "warn");
    o.onChange();
  };

  const halfOpen = (row: Row, since: number): void => {
    if (row.state === "half-open") return;
    row.state = "half-open";
    row.since = since;
    row.learnedAt = o.clock.monotonic();
    say("breaker.half-open", row, `${row.address} of ${row.service} has come back and is tried`, "info");
    o.onChange();
  };

  const close = (key: string, row: Row, why: string): void => {
    rows.delete(key);
    say("breaker.closed", row, `${row.address ?? "the limits"} of ${row.service}: ${why}`, "info");
    o.onChange();
  };

  const judge = (key: string, row: Row, host: EnvoyHost | undefined): void => {
    if (!host) {
      close(key, row, "Envoy does not have the instance any more");
      return;
    }
    if (host.ejected) row.base = host.successes;
    if (host.ejected && row.state === "half-open") open(row.service, row.address, row.cause, o.clock.now());
    if (host.ejected) return;
    halfOpen(row, o.clock.now());
    row.base ??= host.successes;
    const threshold = thresholds[row.service];
    const successes = host.successes - row.base;
    if (threshold !== undefined && successes >= threshold) close(key, row, `${successes} successes since it came back`);
  };

  return {
    take(line) {
      const said = ejectionOf(line);
      if (!said) return false;
      const { service, address, action, cause, at } = said;
      if (at < from) return true;
      const key = keyOf(service, address);
      if (action === "eject") open(service, address, cause, at);
      else {
        const row = rows.get(key);
        if (row) halfOpen(row, at);
      }
      return true;
    },
    look(hosts, askedAt, services) {
      const byKey = new Map(hosts.map((host) => [keyOf(host.service, host.address), host]));
      for (const { service, address, ejected } of hosts)
        if (ejected && !rows.has(keyOf(service, address))) open(service, address, "ejected", o.clock.now());
      for (const [key, row] of [...rows])
        if (row.address !== undefined && row.learnedAt <= askedAt && (services?.includes(row.service) ?? true))
          judge(key, row, byKey.get(key));
    },
    exceed(limits) {
      for (const [service, cause] of limits) {
        open(service, undefined, cause, o.clock.now());
        const row = rows.get(keyOf(service, undefined));
        if (row) row.seen = o.clock.monotonic();
      }
      for (const [key, row] of [...rows])
        if (row.seen !== undefined && o.clock.monotonic() - row.seen >= limitHold) close(key, row, "the limits are not exceeded any more");
    },
    learn(told) {
      thresholds = { ...thresholds, ...told };
    },
    forget() {
      from = o.clock.now();
      if (rows.size === 0) return;
      rows.clear();
      o.onChange();
    },
    watched: () => [...new Set([...rows.values()].flatMap(({ service, address }) => (address === undefined ? [] : [service])))],
    get trying() {
      return [...rows.values()].some(({ state }) => state === "half-open");
    },
    rows() {
      const sorted = [...rows.values()].sort((a, b) => Number(b.state === "open") - Number(a.state === "open") || b.since - a.since);
      return sorted.slice(0, reportedBreakers).map(({ service, address, state, cause, since }) => ({
        service,
        ...(address === undefined ? {} : { address }),
        state,
        cause: cause.slice(0, reportedCauseLength),
        since: new Date(since).toISOString(),
      }));
    },
  };
}

function keyOf(service: string, address: string | undefined): string {
  return `${service} ${address ?? ""}`;
}
