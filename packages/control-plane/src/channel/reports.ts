/** What the agents say of their services: the last report of each instance, bounded in number and in age. */
import { type AgentReport, instanceKey, reportInterval, type ServiceState } from "@legation/contract";
import type { Clock } from "@legation/runtime";

/** An agent that has said nothing for `silentAfter` is shown as silent and forgotten after `forgetAfter`; milliseconds. */
export const reportAge = { silentAfter: 3 * reportInterval, forgetAfter: 60 * reportInterval } as const;

/** Reports kept at most; the oldest goes first. */
export const reportsKept = 20_000;

const leavingStates: readonly ServiceState[] = ["draining", "stopping", "stopped", "unknown"];

/** A report with its time of arrival. */
export interface ReceivedReport {
  readonly report: AgentReport;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
  readonly silent: boolean;
}

/** A report with its place in the order in which reports came. */
export interface PlacedReport {
  readonly report: AgentReport;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
  readonly place: number;
}

/** The last report of each instance. */
export interface Reports {
  add(report: AgentReport): void;
  /** By instance key. */
  of(instance: string): ReceivedReport | undefined;
  /** The agent of the instance with this key is not silent, and its service neither leaves nor has left. */
  atWork(instance: string): boolean;
  /** Those that came after that place, oldest first; `most` of them at most. */
  after(place: number, most: number): readonly PlacedReport[];
  readonly size: number;
  /** How many agents are not silent. */
  reporting(): number;
}

/** Makes an empty collection. `taken` is called with each report. */
export function createReports(clock: Clock, taken: (report: AgentReport) => void = () => undefined): Reports {
  /** In the order in which they came. */
  const reports = new Map<string, PlacedReport>();
  let place = 0;
  const forgetOld = () => {
    for (const [key, { receivedAt }] of reports) {
      if (reports.size <= reportsKept && clock.now() - receivedAt < reportAge.forgetAfter) break;
      reports.delete(key);
    }
  };
  const of = (instance: string): ReceivedReport | undefined => {
    const found = reports.get(instance);
    const age = found ? clock.now() - found.receivedAt : Number.POSITIVE_INFINITY;
    if (!found || age >= reportAge.forgetAfter) return undefined;
    return { report: found.report, receivedAt: found.receivedAt, silent: age > reportAge.silentAfter };
  };
  return {
    add(report) {
      const key = instanceKey(report.node, report.id);
      reports.delete(key);
      reports.set(key, { report, receivedAt: clock.now(), place: ++place });
      forgetOld();
      taken(report);
    },
    of,
    atWork(instance) {
      const found = of(instance);
      return found !== undefined && !found.silent && !leavingStates.includes(found.report.state);
    },
    reporting() {
      let count = 0;
      for (const { receivedAt } of reports.values()) if (clock.now() - receivedAt <= reportAge.silentAfter) count++;
      return count;
    },
    after(from, most) {
      forgetOld();
      const found: PlacedReport[] = [];
      for (const placed of reports.values()) {
        if (placed.place <= from) continue;
        found.push(placed);
        if (found.length >= most) break;
      }
      return found;
    },
    get size() {
      forgetOld();
      return reports.size;
    },
  };
}
