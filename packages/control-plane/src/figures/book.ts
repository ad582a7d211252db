/**
 * What the agents' Envoys measure, of every instance once: told by its own agent, or by another control plane that the agent reports to. So each
 * replica has the same, and compiles the same weights from it.
 */
import { type AgentReport, instanceKey, type ReportedBreaker, type ReportedLoad } from "@legation/contract";
import type { Clock } from "@legation/runtime";
import { reportAge, reportsKept } from "../channel/reports.js";

/** What one instance says, as it goes between control planes and onto the disk. */
export interface FigureRow {
  readonly node: string;
  readonly id: string;
  readonly service: string;
  /** Of two rows of one instance the one with the larger stamp is right. Milliseconds since the epoch by the clock of who was told. */
  readonly stamp: number;
  /** How long ago the agent was heard; milliseconds. */
  readonly age: number;
  readonly load?: ReportedLoad | undefined;
  readonly breakers: readonly ReportedBreaker[];
}

/** What is not news is passed on again when it is older than this, so that others know that the agent lives; milliseconds. */
export const refreshAfter = 60_000;

/** Some rows, and how to ask for those after them. */
export interface FigureRows {
  readonly rows: readonly FigureRow[];
  /** The last one's place in the order of change. */
  readonly upTo: number;
  /** There are more. */
  readonly more: boolean;
}

/** See the file's sentence. */
export interface FigureBook {
  /** An agent has reported here. */
  take(report: AgentReport): void;
  /** Another control plane, or the file of this one, says so. */
  merge(rows: readonly FigureRow[]): void;
  /**
   * Undefined for an instance that says nothing, or has not been heard of for `reportAge.forgetAfter`; and where what was said is of another
   * service: whoever may speak for that one may have taken the instance's key before it was registered.
   */
  loadOf(instance: string, service: string): ReportedLoad | undefined;
  /** By caller, the breakers towards a service that are not closed, of agents that were heard lately. */
  breakersTo(service: string): ReadonlyMap<string, readonly ReportedBreaker[]>;
  /** The services towards which there are breakers that are not closed, or were until their agents fell silent. */
  called(): Iterable<string>;
  /** What has changed after that place in the order of change, oldest first; not much more than `bytes` of it as JSON. */
  after(place: number, bytes: number): FigureRows;
  /** All rows that tell how an instance answers. */
  loads(): readonly FigureRow[];
}

interface Entry {
  readonly row: Omit<FigureRow, "age">;
  readonly place: number;
  /** Monotonic. */
  readonly heardAt: number;
}

/** Called with what a change is about: the instance's service when its load is another, and the services that it calls when breakers are. */
export type FiguresChanged = (change: { readonly load?: string; readonly breakers: readonly string[] }) => void;

/** Makes an empty book. */
export function createFigureBook(clock: Clock, changed: FiguresChanged): FigureBook {
  /** In the order of change. */
  const entries = new Map<string, Entry>();
  /** By the service that is called, the callers with a breaker that is not closed. */
  const callers = new Map<string, Set<string>>();
  let place = 0;

  const age = ({ heardAt }: Entry) => clock.monotonic() - heardAt;

  const index = (key: string, before: readonly ReportedBreaker[], now: readonly ReportedBreaker[]): readonly string[] => {
    for (const { service } of before) {
      const left = callers.get(service);
      if (left?.delete(key) && left.size === 0) callers.delete(service);
    }
    for (const { service } of now) callers.set(service, (callers.get(service) ?? new Set()).add(key));
    return [...new Set([...before, ...now].map(({ service }) => service))];
  };

  const put = (row: Entry["row"], heardAt: number): void => {
    const key = instanceKey(row.node, row.id);
    const known = entries.get(key);
    entries.delete(key);
    entries.set(key, { row, place: ++place, heardAt });
    const breakers = same(known?.row.breakers ?? [], row.breakers) ? [] : index(key, known?.row.breakers ?? [], row.breakers);
    const load = !same(known?.row.load, row.load) || known?.row.service !== row.service;
    if (load || breakers.length > 0) changed({ ...(load ? { load: row.service } : {}), breakers });
    forgetOld();
  };

  const forgetOld = (): void => {
    for (const [key, entry] of entries) {
      if (entries.size <= reportsKept && age(entry) < reportAge.forgetAfter) break;
      entries.delete(key);
      changed({ load: entry.row.service, breakers: index(key, entry.row.breakers, []) });
    }
  };

  return {
    take({ node, id, service, load, breakers = [] }) {
      const key = instanceKey(node, id);
      const known = entries.get(key);
      const news = !known || known.row.service !== service || !same(known.row.load, load) || !same(known.row.breakers, breakers);
      const due = breakers.length > 0 || clock.now() - (known?.row.stamp ?? 0) >= refreshAfter;
      if (known && !news && !due) return void entries.set(key, { ...known, heardAt: clock.monotonic() });
      // Not by the clock alone: that of the control plane which the agent reported to before may be ahead.
      const stamp = Math.max(clock.now(), (known?.row.stamp ?? 0) + 1);
      put({ node, id, service, stamp, load, breakers }, clock.monotonic());
    },
    merge(rows) {
      for (const { age: heardBefore, ...row } of rows) {
        const known = entries.get(instanceKey(row.node, row.id));
        if (!known || row.stamp > known.row.stamp) put(row, clock.monotonic() - heardBefore);
      }
    },
    loadOf(instance, service) {
      const found = entries.get(instance);
      return found && found.row.service === service && age(found) < reportAge.forgetAfter ? found.row.load : undefined;
    },
    breakersTo(service) {
      const found = new Map<string, readonly ReportedBreaker[]>();
      for (const key of callers.get(service) ?? []) {
        const entry = entries.get(key);
        if (!entry || age(entry) > reportAge.silentAfter) continue;
        found.set(
          key,
          entry.row.breakers.filter((breaker) => breaker.service === service),
        );
      }
      return found;
    },
    called: () => callers.keys(),
    after(from, bytes) {
      const rows: FigureRow[] = [];
      let size = 0;
      let upTo = from;
      for (const entry of entries.values()) {
        if (entry.place <= from) continue;
        if (size >= bytes) return { rows, upTo, more: true };
        const row = { ...entry.row, age: Math.round(age(entry)) };
        size += JSON.stringify(row).length;
        rows.push(row);
        upTo = entry.place;
      }
      return { rows, upTo, more: false };
    },
    loads: () =>
      [...entries.values()].flatMap((entry) => (entry.row.load ? [{ ...entry.row, breakers: [], age: Math.round(age(entry)) }] : [])),
  };
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
