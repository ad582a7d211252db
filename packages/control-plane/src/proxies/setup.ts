/** What the API tells of proxies, of agents and of who calls whom, put together from the parts of a control plane. */
import type { Clock } from "@legation/runtime";
import { type AgentReportKnown, createAgentList } from "../agents/agents.js";
import { knownReports, type ReportBook } from "../agents/known-reports.js";
import type { AgentSource } from "../api/agents.js";
import type { ReadGraph } from "../api/graph.js";
import type { ProxySource } from "../api/proxies.js";
import type { Commander } from "../channel/commander.js";
import type { CommandDirectory } from "../channel/commands.js";
import { type CallReport, graphViewOf } from "../dependencies/graph.js";
import type { Nodes } from "../reconcile/nodes.js";
import type { Reconciler } from "../reconcile/reconciler.js";
import type { Gather } from "../replicas/gather.js";
import { createDriftCheck } from "./drift-check.js";
import type { KnownReport } from "./expected.js";
import { createProxies } from "./proxies.js";
import { type AskedXds, ownStreams, type ProxyQuestion } from "./question.js";
import type { StreamFacts } from "./stream-row.js";

/** What the routes read. */
export interface ProxyParts {
  readonly proxies: ProxySource;
  readonly agents: AgentSource;
  readonly graph: ReadGraph;
}

/** Puts it together. `address` is that of this replica's API. */
export function createProxyParts(o: {
  readonly xds: AskedXds;
  readonly nodes: Pick<Nodes, "get" | "resourcesSent">;
  readonly calls: StreamFacts["calls"];
  readonly quarantined: StreamFacts["quarantined"];
  readonly reconciler: Pick<Reconciler, "services">;
  readonly reports: ReportBook<KnownReport & AgentReportKnown & CallReport>;
  readonly gather: Gather;
  readonly commander: Pick<Commander, "command">;
  readonly commands: Pick<CommandDirectory, "instances">;
  readonly address: () => string;
  readonly clock: Clock;
}): ProxyParts {
  const { xds, nodes, calls, quarantined, reconciler, gather, commander, address, clock } = o;
  const facts: StreamFacts = { node: nodes.get, calls, quarantined, now: () => clock.now() };
  const own = (question: ProxyQuestion) => ownStreams(question, xds, facts);
  const reports = () => knownReports(o.reports);
  const services = () => reconciler.services();
  const proxies = createProxies({ own, address, gather, services, reports });
  const listening = () => o.commands.instances();
  return {
    proxies: { proxies, drift: createDriftCheck({ proxies, commander, clock }), own, resourcesSent: () => nodes.resourcesSent },
    agents: { list: createAgentList({ listening, address, gather, reports }), listening },
    async graph() {
      const [known, applications] = await Promise.all([reports(), proxies.grpc()]);
      const graph = graphViewOf({ services: services(), reports: known.reports.values(), grpc: applications.callers });
      return { ...graph, silent: [...new Set([...known.silent, ...applications.silent])].sort() };
    },
  };
}
