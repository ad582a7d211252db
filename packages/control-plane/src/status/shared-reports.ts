/** The agents' reports of all control planes: those that came here, and those that the others are asked for, as far as they are new since the last question. */
import { type AgentReport, instanceKey } from "@legation/contract";
import type { Clock } from "@legation/runtime";
import { type Reports, reportAge, reportsKept } from "../channel/reports.js";
import type { Gather } from "../replicas/gather.js";

/** The path by which control planes ask each other. */
export const reportsPath = "/v1/agents/reports";

/** How long another control plane is waited for; milliseconds. */
export const reportsLimit = 1_000;

/** Rows in one answer, at most. */
export const rowsAtOnce = 2_000;

/** What is passed on of a report: without what the security events and the figures have, which are passed on by their own way. */
export type StatusReport = Omit<AgentReport, "denied" | "load" | "breakers">;

/** A report as it goes between control planes. */
export interface ReportRow {
  readonly report: StatusReport;
  /** By the clock of the one that it came to; milliseconds since the epoch. */
  readonly receivedAt: number;
  /** How long ago that was; milliseconds. */
  readonly age: number;
}

/** Some rows, and how to ask for those after them. */
export interface ReportRows {
  readonly rows: readonly ReportRow[];
  /** The last one's place. */
  readonly upTo: number;
  /** There are more. */
  readonly more: boolean;
}

/** The last report of an instance, wherever it came to. */
export interface SharedReport {
  readonly report: StatusReport;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
  /** Its agent has said nothing for `reportAge.silentAfter`. */
  readonly silent: boolean;
}

/** See the file's sentence. At most `reportsKept` of other control planes are kept, as long as those of agents here. */
export interface SharedReports {
  /** By instance key, as of the last `refresh`. */
  of(instance: string): SharedReport | undefined;
  /** Each instance of which there is a report, as of the last `refresh`. */
  keys(): Iterable<string>;
  /**
   * Asks the other control planes, and resolves when each has answered or had its time, to those that were silent, with the reason. Who comes while a question is
   * under way shares the next one with all others who do: however many ask, there are no more than two.
   */
  refresh(): Promise<readonly string[]>;
  /** What this replica answers to another one: what came here after that place. */
  rowsAfter(place: number): ReportRows;
}

interface Relayed {
  readonly report: StatusReport;
  readonly receivedAt: number;
  /** Monotonic. */
  readonly heardAt: number;
}

/** Makes it. */
export function createSharedReports(o: { readonly reports: Reports; readonly gather: Gather; readonly clock: Clock }): SharedReports {
  const { reports, clock } = o;
  /** In the order of hearing. */
  const relayed = new Map<string, Relayed>();
  /** By the name of a replica, which is another after each start: the place of the last row. */
  let places = new Map<string, number>();
  let asking: Promise<readonly string[]> | undefined;
  let next: Promise<readonly string[]> | undefined;

  const ageOf = ({ heardAt }: Relayed): number => clock.monotonic() - heardAt;

  const merge = ({ report, receivedAt, age }: ReportRow): void => {
    const key = instanceKey(report.node, report.id);
    const known = relayed.get(key);
    if (known && ageOf(known) <= age) return;
    relayed.delete(key);
    relayed.set(key, { report, receivedAt, heardAt: clock.monotonic() - age });
  };

  const forgetOld = (): void => {
    for (const [key, row] of relayed) {
      if (relayed.size <= reportsKept && ageOf(row) < reportAge.forgetAfter) break;
      relayed.delete(key);
    }
  };

  async function ask(): Promise<readonly string[]> {
    const silent = new Map<string, string>();
    const kept = new Map<string, number>();
    for (let more = true; more; ) {
      const { answers, silent: quiet } = await o.gather({
        path: reportsPath,
        body: ({ replica }) => ({ relayed: true, after: kept.get(replica) ?? places.get(replica) ?? 0 }),
        read: rowsOf,
        limitMs: reportsLimit,
      });
      for (const words of quiet) silent.set(words, words);
      more = false;
      for (const { replica, value } of answers) {
        for (const row of value.rows) merge(row);
        kept.set(replica, value.upTo);
        more ||= value.more;
      }
    }
    // A place at one that was silent is of use when it answers again; of those that are gone none is kept.
    places = new Map([...[...places].slice(-placesKept), ...kept]);
    forgetOld();
    return [...silent.values()].sort();
  }

  function begin(): Promise<readonly string[]> {
    asking = ask().finally(() => {
      asking = undefined;
    });
    return asking;
  }

  return {
    of(instance) {
      const own = reports.of(instance);
      const found = relayed.get(instance);
      const age = found ? ageOf(found) : Number.POSITIVE_INFINITY;
      if (own && clock.now() - own.receivedAt <= age) return own;
      if (!found || age >= reportAge.forgetAfter) return undefined;
      return { report: found.report, receivedAt: found.receivedAt, silent: age > reportAge.silentAfter };
    },
    *keys() {
      for (const { report } of reports.after(0, reportsKept)) yield instanceKey(report.node, report.id);
      for (const [key, row] of relayed) if (reports.of(key) === undefined && ageOf(row) < reportAge.forgetAfter) yield key;
    },
    refresh() {
      if (!asking) return begin();
      const after = (): Promise<readonly string[]> => {
        next = undefined;
        return begin();
      };
      next ??= asking.then(after, after);
      return next;
    },
    rowsAfter(place) {
      const found = reports.after(place, rowsAtOnce + 1);
      const rows = found.slice(0, rowsAtOnce).map(({ report, receivedAt }): ReportRow => {
        const { denied: _denied, load: _load, breakers: _breakers, ...shown } = report;
        return { report: shown, receivedAt, age: Math.max(0, clock.now() - receivedAt) };
      });
      return { rows, upTo: found[rows.length - 1]?.place ?? place, more: found.length > rows.length };
    },
  };
}

/** Places of replicas that are kept at most; more replicas than anybody runs. */
const placesKept = 100;

function rowsOf(answer: unknown): ReportRows {
  const { rows, upTo, more } = (answer ?? {}) as Partial<ReportRows>;
  if (!Array.isArray(rows) || !rows.every(isRow) || typeof upTo !== "number" || typeof more !== "boolean")
    throw new Error("answered with something else");
  return { rows, upTo, more };
}

/** Replicas of other versions may say more of an instance, and not less. */
function isRow(row: unknown): row is ReportRow {
  const { report, receivedAt, age } = (row ?? {}) as Partial<ReportRow>;
  const { node, id, service } = report ?? {};
  return [node, id, service].every((word) => typeof word === "string") && typeof receivedAt === "number" && typeof age === "number";
}
