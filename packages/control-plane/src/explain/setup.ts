/** The explanations of one control plane, put together. */
import type { HealthView } from "@legation/contract/api";
import type { Clock } from "@legation/runtime";
import type { NodeView, ResourceCache, StreamStatus } from "@legation/xds";
import type { Quarantine } from "../quarantine/quarantine.js";
import { quarantineText } from "../quarantine/words.js";
import type { Nodes } from "../reconcile/nodes.js";
import type { Gather } from "../replicas/gather.js";
import { createCallers } from "./callers.js";
import type { CheckTimes } from "./check-times.js";
import { createExplainer, type ExplainerParts } from "./explainer.js";
import type { ExplainParts } from "./routes.js";

/** Data that is older than this is told to be old; seconds. */
const oldAfter = 30;

/** Makes them. */
export function createExplaining(o: {
  readonly reconciler: ExplainerParts["reconciler"];
  readonly nodes: Pick<Nodes, "connected">;
  readonly streams: (wanted: (node: string) => boolean) => readonly StreamStatus[];
  readonly cache: Pick<ResourceCache, "layer">;
  readonly canary: (...proxy: Parameters<ExplainerParts["canary"]>) => NodeView | undefined;
  readonly quarantine: Pick<Quarantine, "list">;
  readonly book: ExplainerParts["book"];
  readonly policies: ExplainerParts["policies"];
  readonly times: CheckTimes;
  readonly health: () => HealthView;
  readonly gather: Gather;
  readonly clock: Clock;
}): ExplainParts {
  const { reconciler, nodes, streams, gather, clock } = o;
  const callers = createCallers({ connected: nodes.connected, streams, service: reconciler.service, gather, now: () => clock.now() });
  const explainer = createExplainer({
    ...{ reconciler, callers, cache: o.cache, canary: o.canary, book: o.book, policies: o.policies, times: o.times },
    quarantined: (layers) => o.quarantine.list(layers).map((content) => `quarantined: ${quarantineText(content)}`),
    staleness() {
      const { consul, catalog } = o.health();
      const old = catalog.age === null || catalog.age > oldAfter || !consul.connected;
      return old
        ? [
            `Consul does not answer this control plane${consul.error ? ` (${consul.error})` : ""}: what is said here is ${catalog.age ?? "?"} s old`,
          ]
        : [];
    },
  });
  return { explainer, callers };
}
