/** Prometheus metrics: one registry per process, passed to whoever counts something. */
import { collectDefaultMetrics, Registry } from "prom-client";

export { Counter, Gauge, Histogram, Registry } from "prom-client";

/** Creates a registry that already holds the process's own metrics (CPU, memory, event loop delay). */
export function createRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}
