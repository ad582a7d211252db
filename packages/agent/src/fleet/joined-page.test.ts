import { describe, expect, it } from "vitest";
import { joinPages } from "./joined-page.js";

describe("joined metrics pages", () => {
  it("hold each family once, each sample with its service, and the figures of the process once", () => {
    const page = (service: string, bytes: number, more = "") =>
      [
        "# HELP process_resident_memory_bytes Memory",
        "# TYPE process_resident_memory_bytes gauge",
        `process_resident_memory_bytes ${bytes}`,
        "",
        "# HELP state The state",
        "# TYPE state gauge",
        `state{service="${service}",state="running"} 1`,
        "# TYPE took histogram",
        'took_bucket{le="1"} 2',
        "took_sum 3",
        more,
      ].join("\n");
    const text = joinPages([
      { labels: { service: "a", service_id: "a-1" }, text: page("a", 100) },
      { labels: { service: "b", service_id: "b-1" }, text: page("b", 101, "plain{} 7 1700000000\n") },
    ]);
    expect(text.split("\n")).toEqual([
      "# HELP process_resident_memory_bytes Memory",
      "# TYPE process_resident_memory_bytes gauge",
      "process_resident_memory_bytes 100",
      "# HELP state The state",
      "# TYPE state gauge",
      'state{service_id="a-1",service="a",state="running"} 1',
      'state{service_id="b-1",service="b",state="running"} 1',
      "# TYPE took histogram",
      'took_bucket{service="a",service_id="a-1",le="1"} 2',
      'took_sum{service="a",service_id="a-1"} 3',
      'took_bucket{service="b",service_id="b-1",le="1"} 2',
      'took_sum{service="b",service_id="b-1"} 3',
      'plain{service="b",service_id="b-1"} 7 1700000000',
      "",
    ]);
  });

  it("are empty where there is none", () => {
    expect(joinPages([])).toBe("");
  });
});
