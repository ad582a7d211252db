/** Agents' reports for tests. */
import type { AgentReport } from "@legation/contract";

/** What the agent of `n1/o1`, an instance of `orders` that runs, reports, with what `change` says otherwise. */
export function agentReport(change: Partial<AgentReport> = {}): AgentReport {
  return {
    node: "n1",
    id: "o1",
    service: "orders",
    agentVersion: "0.1.0",
    state: "running",
    restartCount: 0,
    admin: "http://127.0.0.1:19100",
    ...change,
  };
}
