/** Prometheus metrics: one registry per process, passed to whoever counts. */
import { collectDefaultMetrics, Registry } from "prom-client";

export { Counter, Gauge, Histogram, Registry } from "prom-client";

/** Makes a registry that already holds Node's process metrics (memory, CPU, event loop, garbage collection). */
export function createRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  // Gauges whose names say that they are counters, against Prometheus' rules, and that cost most to read.
  for (const what of ["handles", "requests", "resources"])
    for (const name of [`nodejs_active_${what}`, `nodejs_active_${what}_total`]) registry.removeSingleMetric(name);
  return registry;
}
