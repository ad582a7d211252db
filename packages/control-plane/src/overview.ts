/** The control plane's own state, put together from its parts for `/health` and the metrics. */
import type { HealthView } from "@legation/contract/api";
import type { Problem } from "@legation/mesh";
import type { Clock } from "@legation/runtime";
import type { StreamStatus } from "@legation/xds";
import { problemsShown } from "./api/health.js";
import type { CommandDirectory } from "./channel/commands.js";
import type { Reports } from "./channel/reports.js";
import type { PolicyStatus } from "./policies/live.js";
import type { Feed } from "./reconcile/feed.js";
import type { Nodes } from "./reconcile/nodes.js";
import type { Reconciler } from "./reconcile/reconciler.js";
import type { CatalogSource } from "./sources/catalog-event.js";
import { createStreamCount } from "./stream-count.js";
import type { Readings } from "./telemetry/metrics.js";
import { version } from "./version.js";

/** The parts that are asked. */
export interface OverviewParts {
  readonly reconciler: Reconciler;
  readonly feed: Feed;
  readonly nodes: Nodes;
  readonly source: Pick<CatalogSource, "status">;
  /** The policies are refused and none from before are known, so that proxies are told nothing. */
  readonly policiesRefused: () => boolean;
  readonly policies: () => PolicyStatus;
  /** Control planes in the registry, with this one. */
  readonly replicas: () => number;
  readonly streams: () => readonly StreamStatus[];
  /** How many resources are held back because proxies refused them. */
  readonly quarantined: () => number;
  readonly reports: Reports;
  readonly commands: CommandDirectory;
  readonly clock: Clock;
  readonly consulAddress: string;
  readonly xdsAddress: () => string;
}

/** Says how the control plane stands. */
export interface Overview {
  health(): HealthView;
  readings(): Readings;
}

/** Makes the overview. */
export function createOverview(o: OverviewParts): Overview {
  const startedAt = o.clock.monotonic();
  const age = () => {
    const { answeredAt } = o.feed.status();
    return answeredAt === undefined ? undefined : Math.max(0, o.clock.now() - answeredAt) / 1_000;
  };
  const count = createStreamCount(o.streams, o.clock);
  const problems = () => {
    const distinct = new Map<string, Problem>();
    const found = [...o.reconciler.services().flatMap(({ name }) => o.reconciler.problems(name)), ...o.nodes.problems()];
    for (const problem of found) distinct.set(`${problem.service} ${problem.message}`, problem);
    return [...distinct.values()];
  };

  return {
    health() {
      const { services, instances } = o.reconciler.size();
      const { origin, error, answeredAt } = o.feed.status();
      const { connected, complete } = o.source.status();
      const { streams, rejected } = count();
      const found = problems();
      const seconds = age();
      return {
        status: origin === "none" || o.policiesRefused() ? "waiting" : connected && complete ? "ok" : "stale",
        version,
        uptime: Math.round((o.clock.monotonic() - startedAt) / 1_000),
        catalog: {
          origin,
          age: seconds === undefined ? null : Math.round(seconds * 10) / 10,
          lastAnswer: answeredAt === undefined ? null : new Date(answeredAt).toISOString(),
          services,
          instances,
        },
        consul: { address: o.consulAddress, connected, complete, error: error ?? null },
        xds: { address: o.xdsAddress(), streams, rejected },
        agents: { reporting: o.reports.size, listening: [...o.commands.instances()].length },
        problems: found.slice(0, problemsShown),
        problemCount: found.length,
      };
    },
    readings() {
      const { services, instances, layers, leaving } = o.reconciler.size();
      const { connected, complete } = o.source.status();
      const policies = o.policies();
      return {
        ...count(),
        quarantined: o.quarantined(),
        services,
        instances,
        problems: problems().length,
        complete,
        connected,
        age: age(),
        layers,
        agents: o.reports.reporting(),
        listening: [...o.commands.instances()].length,
        leaving,
        policiesRefused: policies.refused,
        policiesVersion: policies.bundle?.manifest.version,
        replicas: o.replicas(),
      };
    },
  };
}
