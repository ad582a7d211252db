/** Counts the restarts of services from what their agents report, so that the sum over the replicas counts each once. */
import { type AgentReport, instanceKey } from "@legation/contract";
import { reportsKept } from "../channel/reports.js";

/** The counts. */
export interface Restarts {
  /** Takes a report. What an instance says first at this replica is where its count begins. */
  take(report: AgentReport): void;
  /** Since this replica began, or since the service came. */
  of(service: string): number;
  /** Forgets the services for which `known` is false. */
  forget(known: (service: string) => boolean): void;
}

/** Makes counts at zero; `reportsKept` instances are told apart, the one heard longest ago goes first. */
export function createRestarts(): Restarts {
  const last = new Map<string, number>();
  const totals = new Map<string, number>();
  return {
    take({ node, id, service, restartCount }) {
      const key = instanceKey(node, id);
      const before = last.get(key);
      last.delete(key);
      last.set(key, restartCount);
      for (const oldest of last.keys()) {
        if (last.size <= reportsKept) break;
        last.delete(oldest);
      }
      if (before !== undefined && restartCount > before) totals.set(service, (totals.get(service) ?? 0) + restartCount - before);
    },
    of: (service) => totals.get(service) ?? 0,
    forget(known) {
      for (const service of totals.keys()) if (!known(service)) totals.delete(service);
    },
  };
}
