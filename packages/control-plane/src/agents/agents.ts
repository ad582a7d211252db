/** The agents at all control planes: their last reports, and at which control plane each listens for commands. */
import type { AgentReport } from "@legation/contract";
import type { AgentRow } from "@legation/contract/api";
import type { Gather } from "../replicas/gather.js";

/** The path by which control planes ask each other who listens at them. */
export const listenersPath = "/v1/agents/listeners";

/** A report of an agent, wherever it came to. */
export interface AgentReportKnown {
  readonly report: Pick<AgentReport, "node" | "id" | "service" | "agentVersion" | "state" | "reason" | "standing" | "admin">;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
  readonly silent: boolean;
}

/** What is asked. */
export interface AgentParts {
  /** The instances whose agents listen at this control plane. */
  readonly listening: () => Iterable<string>;
  /** `host:port` of this replica's API. */
  readonly address: () => string;
  readonly gather: Gather;
  /** The last report of each agent, at all control planes, with those that did not tell theirs. */
  readonly reports: () => Promise<{ readonly reports: ReadonlyMap<string, AgentReportKnown>; readonly silent: readonly string[] }>;
}

/** Resolves to the agents in the order of their instances, and to the control planes that did not answer. */
export type ListAgents = () => Promise<{ readonly agents: readonly AgentRow[]; readonly silent: readonly string[] }>;

/** Makes the function. */
export function createAgentList(o: AgentParts): ListAgents {
  return async () => {
    const [{ reports, silent }, others] = await Promise.all([
      o.reports(),
      o.gather({ path: listenersPath, body: () => ({ relayed: true }), read: listenersOf }),
    ]);
    const at = new Map<string, string>();
    for (const { address, value } of [{ address: o.address(), value: [...o.listening()] }, ...others.answers])
      for (const instance of value) at.set(instance, address);
    const agents = [...reports].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, known]) => agentRowOf(known, at.get(key)));
    return { agents, silent: [...new Set([...silent, ...others.silent])].sort() };
  };
}

function agentRowOf({ report, receivedAt, silent }: AgentReportKnown, replica: string | undefined): AgentRow {
  const { node, id, service, agentVersion, state, reason = "", standing, admin } = report;
  const envoy = standing?.envoy;
  return {
    ...{ node, id, service, agentVersion, state, reason },
    reportedAt: new Date(receivedAt).toISOString(),
    silent,
    replica: replica ?? null,
    admin,
    envoy: envoy ? { phase: envoy.phase, reason: envoy.reason, version: envoy.version ?? null } : null,
  };
}

function listenersOf(answer: unknown): readonly string[] {
  const { listening } = (answer ?? {}) as { readonly listening?: unknown };
  if (!Array.isArray(listening) || listening.some((one) => typeof one !== "string")) throw new Error("answered with something else");
  return listening as readonly string[];
}
