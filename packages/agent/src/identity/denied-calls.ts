/** The calls that this instance's Envoy refused: counted all, logged no faster than people can read, and told to the control plane. */
import { deniedOthers, type ReportedDenial, reportedDenials } from "@legation/contract";
import { type Clock, Counter, type Logger, type Registry, type Timer } from "@legation/runtime";
import { type DeniedCall, deniedCallOf } from "./denied-call.js";

/** So many calls of one window are logged each for itself, and the rest together at its end; milliseconds. */
export const deniedLog = { calls: 5, windowMs: 10_000 } as const;

/** Callers and rules that are counted apart, at most; all more are `deniedOthers`. */
export const deniedRowsApart = 100;

/** See the file's sentence. */
export interface DeniedCalls {
  /** Takes a line of Envoy's output. False when it tells of no refused call. */
  take(line: string): boolean;
  /** What the control plane has not been told of, the most first. */
  untold(): readonly ReportedDenial[];
  /** It has been told of these. */
  told(rows: readonly ReportedDenial[]): void;
  /** Logs what was left. */
  stop(): void;
}

/** Makes it; its counter is `legation_agent_denied_calls_total`. */
export function createDeniedCalls(o: { service: string; registry: Registry; clock: Clock; log: Logger }): DeniedCalls {
  const total = new Counter({
    name: "legation_agent_denied_calls_total",
    help: "Calls that intentions refused, or with shadow=true would refuse in enforce",
    labelNames: ["service", "caller", "rule", "shadow"],
    registers: [o.registry],
  });
  const labelled = new Set<string>();
  const unreported = new Map<string, ReportedDenial>();
  let logged = 0;
  const unlogged = new Map<string, ReportedDenial & { readonly shadow: boolean }>();
  let window: Timer | undefined;

  const count = ({ caller, rule, shadow }: DeniedCall): void => {
    const own = admitted(labelled, keyOf({ caller, rule }));
    if (own) labelled.add(keyOf({ caller, rule }));
    total.inc({ service: o.service, ...(own ? { caller, rule } : others), shadow: String(shadow) });
    if (!shadow) add(unreported, keyOf({ caller, rule }), { caller, rule, count: 1 });
  };

  const write = (call: DeniedCall): void => {
    window ??= o.clock.timeout(deniedLog.windowMs, close);
    const { caller, callee, rule, shadow, method, path } = call;
    if (logged >= deniedLog.calls) {
      add(unlogged, keyOf(call), { caller, rule, shadow, count: 1 });
      return;
    }
    logged++;
    const what = method === undefined ? "a connection" : `${method} ${path ?? ""}`;
    const verb = shadow ? "would be denied" : "denied";
    say(shadow, { event: "identity.denied", ...call }, `${what} from ${caller} to ${callee} ${verb} by ${rule}`);
  };

  const close = (): void => {
    window?.cancel();
    window = undefined;
    logged = 0;
    for (const shadow of [false, true]) {
      const calls = [...unlogged.values()]
        .filter((row) => row.shadow === shadow)
        .map(({ caller, rule, count }) => ({ caller, rule, count }));
      if (calls.length === 0) continue;
      const sum = calls.reduce((all, row) => all + row.count, 0);
      const rows = most(calls);
      say(
        shadow,
        { event: "identity.denied-more", shadow, count: sum, calls: rows },
        `${sum} more calls ${shadow ? "would be denied" : "denied"}`,
      );
    }
    unlogged.clear();
  };

  /** What shadow would do is no fault yet. */
  const say = (shadow: boolean, fields: object, message: string): void =>
    shadow ? o.log.info(fields, message) : o.log.warn(fields, message);

  return {
    take(line) {
      const call = deniedCallOf(line);
      if (!call) return false;
      count(call);
      write(call);
      return true;
    },
    untold: () => most([...unreported.values()]),
    told(rows) {
      const left = new Map(rows.map((row) => [keyOf(row), row.count]));
      const rest = left.get(keyOf(others)) ?? 0;
      const named = new Set([...left.keys()].filter((key) => key !== keyOf(others)));
      let more = rest;
      for (const [key, row] of unreported) {
        const known = named.has(key) ? (left.get(key) ?? 0) : Math.min(more, row.count);
        if (!named.has(key)) more -= known;
        if (known >= row.count) unreported.delete(key);
        else unreported.set(key, { ...row, count: row.count - known });
      }
    },
    stop: close,
  };
}

const others = { caller: deniedOthers, rule: deniedOthers } as const;

function keyOf({ caller, rule, shadow = false }: { caller: string; rule: string; shadow?: boolean }): string {
  return JSON.stringify([caller, rule, shadow]);
}

function admitted(keys: { has(key: string): boolean; readonly size: number }, key: string): boolean {
  return keys.has(key) || keys.size < deniedRowsApart;
}

/** One more in the row with this key, or in that of the others when there are too many. */
function add<T extends ReportedDenial & { readonly shadow?: boolean }>(rows: Map<string, T>, key: string, row: T): void {
  const own = admitted(rows, key);
  const at = own ? key : keyOf({ ...others, ...(row.shadow === undefined ? {} : { shadow: row.shadow }) });
  const before = rows.get(at);
  rows.set(at, { ...row, ...(own ? {} : others), count: (before?.count ?? 0) + row.count });
}

/** As many rows as a report takes, those with the highest counts first; the last one holds the rest. */
function most(rows: readonly ReportedDenial[]): readonly ReportedDenial[] {
  const sorted = [...rows].sort((a, b) => b.count - a.count);
  if (sorted.length <= reportedDenials) return sorted;
  const named = sorted.slice(0, reportedDenials - 1);
  const count = sorted.slice(reportedDenials - 1).reduce((all, row) => all + row.count, 0);
  return [...named, { ...others, count }];
}
