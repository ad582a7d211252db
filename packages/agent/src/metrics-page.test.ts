import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Gauge, Registry } from "@legation/runtime";
import { describe, expect, it } from "vitest";
import { mergedMetrics, mergePages } from "./metrics-page.js";

const own = "# HELP process_cpu x\n# TYPE process_cpu gauge\nprocess_cpu 1\n# TYPE legation_up gauge\nlegation_up 1\n";

describe("the merged metrics page", () => {
  it("has each family once, and tells apart by the source what two of them have", () => {
    const service = '# HELP process_cpu y\n# TYPE process_cpu gauge\nprocess_cpu 7\n# TYPE orders_total counter\norders_total{a="b"} 2\n';
    expect(mergePages(own, [{ source: "service", text: service }])).toBe(
      '# HELP process_cpu x\n# TYPE process_cpu gauge\nprocess_cpu 1\nprocess_cpu{source="service"} 7\n# TYPE legation_up gauge\nlegation_up 1\n# TYPE orders_total counter\norders_total{a="b"} 2\n',
    );
  });

  it("leaves out a figure of another type under a name that is taken, and keeps a histogram together", () => {
    const histogram = '# TYPE time histogram\ntime_bucket{le="1"} 1\ntime_sum 1\ntime_count 1\n';
    const page = mergePages(own, [
      { source: "envoy", text: histogram },
      { source: "service", text: `# TYPE legation_up counter\nlegation_up 5\n${histogram}` },
    ]);
    expect(page).not.toContain("legation_up{");
    expect(page.match(/# TYPE time histogram/g)).toHaveLength(1);
    expect(page).toContain('time_bucket{source="service",le="1"} 1\n');
  });

  it("says of an Envoy's figures whose they are", async () => {
    const envoy = async () => '# TYPE envoy_rq counter\nenvoy_rq{envoy_cluster_name="web"} 1\nenvoy_up 1\n';
    const text = await mergedMetrics(new Registry(), { service: "orders", envoy, url: undefined }).metrics();
    expect(text).toContain('envoy_rq{service="orders",envoy_cluster_name="web"} 1\nenvoy_up{service="orders"} 1\n');
  });

  it("is served with what can be had, and says what cannot", async () => {
    const registry = new Registry();
    new Gauge({ name: "own", help: "own", registers: [registry] }).set(3);
    const server = createServer((_request, reply) => reply.end("orders 4\n"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`;
    try {
      const text = await mergedMetrics(registry, {
        service: "orders",
        envoy: () => Promise.reject(new Error("Envoy is away")),
        url,
      }).metrics();
      expect(text).toContain("own 3\n");
      expect(text).toContain("orders 4\n");
      expect(text).toContain(
        'legation_agent_source_up{service="orders",source="envoy"} 0\nlegation_agent_source_up{service="orders",source="service"} 1\n',
      );
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
    expect(await mergedMetrics(registry, { service: "orders", envoy: () => undefined, url: undefined }).metrics()).not.toContain(
      "source_up",
    );
  });
});
