/** Small catalog values for tests. */
import type { CatalogService, Instance } from "@legation/mesh";

/** A passing instance of `service` on node `n1`, listening on 10.0.0.1, with what `change` says otherwise. */
export function instance(service: string, id: string, change: Partial<Instance> = {}): Instance {
  return {
    node: "n1",
    id,
    service,
    address: "10.0.0.1",
    port: 8000,
    tags: [],
    meta: {},
    weights: { passing: 1, warning: 1 },
    checks: [{ id: `${id}-ttl`, name: "heartbeat", status: "passing", output: "alive" }],
    everPassed: true,
    ...change,
  };
}

/** A service with passing instances of these ids. */
export function serviceOf(name: string, ...ids: string[]): CatalogService {
  return { name, instances: ids.map((id, i) => instance(name, id, { port: 8000 + i })) };
}
