/** The status model, put together: the reports of all control planes, what is answered from them, and the orders to agents. */
import { checkNowWait } from "@legation/contract/api";
import type { Clock, Lifecycle, Logger } from "@legation/runtime";
import type { StreamStatus } from "@legation/xds";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { Commander } from "../channel/commander.js";
import type { CommandDirectory } from "../channel/commands.js";
import type { Reports } from "../channel/reports.js";
import { type Breakers, closedBreaker } from "../figures/breakers.js";
import { checkNowPath, createCheckNow } from "../orders/check-now.js";
import { createRestarts, restartsPath } from "../orders/restart.js";
import { addOrderRoutes } from "../orders/routes.js";
import type { RefusedContent } from "../quarantine/refused-content.js";
import type { Reconciler } from "../reconcile/reconciler.js";
import type { Gather } from "../replicas/gather.js";
import { addReplicaRoute } from "../replicas/route.js";
import { createLocalFacts } from "../why-not/local-facts.js";
import { createRefusedAgents, type RefusedAgents } from "../why-not/refused-agents.js";
import { addReplicaFactsRoute, addWhyNotRoute } from "../why-not/routes.js";
import { createWhyNot } from "../why-not/why-not.js";
import { createAskHistory } from "./history.js";
import { addInstanceRoutes } from "./instance-routes.js";
import { addOrchestrationRoutes } from "./orchestration-routes.js";
import { addOverviewRoutes } from "./overview-routes.js";
import type { ServiceFigures } from "./overview-view.js";
import { createSharedReports, reportsPath, type SharedReports } from "./shared-reports.js";
import { createStatus, type Status } from "./status.js";

/** See the file's sentence. */
export interface StatusSetup {
  readonly reports: SharedReports;
  readonly status: Status;
  /** An agent was refused: kept, so that it can be told why its instance is unheard of. */
  readonly agentRefused: RefusedAgents["add"];
  /** Adds what the API answers. */
  addRoutes(app: FastifyInstance): void;
  /** Adds what other control planes ask. */
  addReplicaRoutes(channel: FastifyInstance): void;
}

/** Instances that one question about checks may name; bytes of its body. */
const checkNowBytes = 8 * 1_024 * 1_024;

/** How far the registry is that of Consul. */
export interface ConsulContact {
  readonly connected: boolean;
  /** Everything that Consul lists has been read once. */
  readonly complete: boolean;
}

const word = z.string().min(1).max(256);

/** Puts it together. */
export function createStatusSetup(o: {
  readonly reports: Reports;
  readonly commander: Commander;
  readonly commands: CommandDirectory;
  readonly reconciler: Pick<Reconciler, "services" | "service" | "settings" | "traffic" | "intentions" | "identity">;
  readonly breakers: Pick<Breakers, "of">;
  readonly streams: () => readonly StreamStatus[];
  readonly quarantined: () => readonly RefusedContent[];
  readonly consul: () => ConsulContact;
  readonly gather: Gather;
  readonly lifecycle: Pick<Lifecycle, "onStop">;
  readonly clock: Clock;
  readonly log: Logger;
}): StatusSetup {
  const { commander, commands, reconciler, gather, clock, log } = o;
  const reports = createSharedReports({ reports: o.reports, gather, clock });
  const status = createStatus({ services: reconciler.services, initialized: () => o.consul().complete, reports });
  const restarts = createRestarts({ commander, gather, clock, log });
  o.lifecycle.onStop("orders", 1_000, () => restarts.stop());
  const checkNow = createCheckNow({ commander, commands, gather, clock });
  const refused = createRefusedAgents(clock);
  const local = createLocalFacts({ streams: o.streams, quarantined: o.quarantined, refused });
  const stale = () => (o.consul().connected ? undefined : "Consul does not answer this control plane");
  const whyNot = createWhyNot({ reconciler, breakers: o.breakers, local, gather, stale });
  const history = createAskHistory(commander);
  const figures: ServiceFigures = {
    strategy: (service) => reconciler.settings(service).balancing.strategy,
    breaker(name) {
      const service = reconciler.service(name);
      return service ? o.breakers.of(service).service : closedBreaker;
    },
  };
  return {
    reports,
    status,
    agentRefused: refused.add,
    addRoutes(app) {
      addOrchestrationRoutes(app, { status, figures, history });
      addInstanceRoutes(app, { status, history });
      addWhyNotRoute(app, { status, whyNot });
      addOverviewRoutes(app, { status, figures });
      addOrderRoutes(app, { status, restarts, checkNow, clock });
    },
    addReplicaRoutes(channel) {
      addReplicaFactsRoute(channel, local);
      addReplicaRoute(channel, {
        path: reportsPath,
        summary: "The agents' reports that came to this control plane after that place",
        properties: { after: z.int().min(0) },
        answer: ({ after }) => reports.rowsAfter(after),
      });
      addReplicaRoute(channel, {
        path: restartsPath,
        summary: "The services that this control plane restarts now",
        properties: {},
        answer: () => ({ services: restarts.underWay() }),
      });
      addReplicaRoute(channel, {
        path: checkNowPath,
        summary: "What the checks find now of those instances whose agents listen to this control plane",
        properties: {
          instances: z.array(z.object({ node: word, id: word, service: word })),
          limitMs: z.int().min(1).max(checkNowWait.max),
        },
        bodyLimit: checkNowBytes,
        answer: (asked, signal) => checkNow.relayed(asked, signal),
      });
    },
  };
}
