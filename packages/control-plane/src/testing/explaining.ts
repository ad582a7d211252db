/** Explanations over a registry of a test, compiled by the real reconciler without any policies. */
import { type CatalogService, keyOf } from "@legation/mesh";
import { policySet } from "@legation/mesh/policy";
import type { Clock } from "@legation/runtime";
import { createResourceCache } from "@legation/xds";
import { createCallers } from "../explain/callers.js";
import { createExplainer } from "../explain/explainer.js";
import type { ExplainParts } from "../explain/routes.js";
import { createFigureBook, type FigureBook } from "../figures/book.js";
import { createShadowReconciler } from "../plan/shadow-mesh.js";
import type { Gather } from "../replicas/gather.js";

/** Makes them; nobody is connected unless another control plane says so. */
export function explaining(o: {
  readonly registry: readonly CatalogService[];
  readonly clock: Clock;
  readonly book?: FigureBook;
  readonly gather?: Gather;
  readonly documents?: Parameters<typeof policySet>[0];
}): ExplainParts {
  const policies = policySet(o.documents ?? []);
  const cache = createResourceCache();
  const source = { services: () => o.registry, trust: () => undefined, intentions: () => undefined };
  const reconciler = createShadowReconciler(source, policies, cache, o.clock);
  const serviceOf = (instance: string) => o.registry.find(({ instances }) => instances.some((one) => keyOf(one) === instance))?.name;
  const gather: Gather = o.gather ?? (async () => ({ answers: [], silent: [] }));
  const callers = createCallers({ connected: () => [], streams: () => [], service: reconciler.service, gather, now: () => o.clock.now() });
  const explainer = createExplainer({
    ...{ reconciler: { ...reconciler, serviceOf }, callers, cache, canary: () => undefined },
    book: o.book ?? createFigureBook(o.clock, () => undefined),
    policies: () => policies,
    times: { since: () => undefined },
    quarantined: () => [],
    staleness: () => [],
  });
  return { callers, explainer };
}
