/** What the API's routes of policies work with, put together from the parts of a control plane. */

import type { QuarantineView } from "@legation/contract/api";
import type { Clock } from "@legation/runtime";
import type { StreamStatus } from "@legation/xds";
import type { PolicyParts } from "../api/policies.js";
import type { CanarySetup } from "../canary/setup.js";
import { createPlanner } from "../plan/plan.js";
import { createMeshQuarantine } from "../quarantine/mesh-quarantine.js";
import type { Nodes } from "../reconcile/nodes.js";
import type { Reconciler } from "../reconcile/reconciler.js";
import type { AskReplica } from "../replicas/ask-replica.js";
import type { Replicas } from "../replicas/directory.js";
import type { Gather } from "../replicas/gather.js";
import { createLiveness } from "./liveness.js";
import type { Policies } from "./setup.js";

/** Puts them together. `address` is that of this replica's API. */
export function policyParts(o: {
  readonly policies: Policies;
  readonly quarantined: () => readonly QuarantineView[];
  readonly gather: Gather;
  readonly canary: CanarySetup;
  readonly reconciler: Reconciler;
  readonly nodes: Pick<Nodes, "connected">;
  readonly replicas: Pick<Replicas, "others">;
  readonly ask: AskReplica;
  readonly streams: () => readonly StreamStatus[];
  readonly address: () => string;
  readonly clock: Clock;
}): PolicyParts {
  const { policies, quarantined, gather, canary, reconciler, nodes, replicas, ask, streams, address, clock } = o;
  const { others } = replicas;
  return {
    ...policies,
    quarantine: createMeshQuarantine({ gather, own: quarantined }),
    canary,
    planner: createPlanner({ ...{ others, ask }, mesh: reconciler, connected: nodes.connected, clock }),
    liveness: createLiveness({
      ...{ others, ask, streams, quarantined, address },
      status: policies.live.status,
      pending: reconciler.pending,
    }),
  };
}
