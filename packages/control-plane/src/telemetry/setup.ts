/** The control plane's metrics, put together: the registry that its parts count in, and the page. */
import type { AgentReport } from "@legation/contract";
import { createRegistry, type Registry } from "@legation/runtime";
import { createMetrics, type Metrics, type Readings } from "./metrics.js";
import { metricsPage, type PageSources } from "./page.js";
import { createRestarts } from "./restarts.js";

/** See the file's sentence. */
export interface Telemetry {
  /** For figures whose labels take few, fixed values. */
  readonly registry: Registry;
  readonly metrics: Metrics;
  /** An agent's report has come. */
  reported(report: AgentReport): void;
  /** Gives what makes the page, in Prometheus' text format and in pieces. */
  page(sources: Pick<PageSources, "services" | "report" | "breakers">): () => AsyncIterable<string>;
}

/** Makes it. `read` is called once per scrape; `most` services have figures. */
export function createTelemetry(read: () => Readings, most: number): Telemetry {
  const registry = createRegistry();
  const metrics = createMetrics(registry, read);
  const restarts = createRestarts();
  return {
    registry,
    metrics,
    reported(report) {
      metrics.reported();
      restarts.take(report);
    },
    page: (sources) => () => metricsPage({ ...sources, own: metrics.text, restarts, most }),
  };
}
