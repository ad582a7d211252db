import { describe, expect, it } from "vitest";
import { missingDependencies } from "./dependencies.js";
import { type StandingInput, standingOf } from "./standing.js";

const input: StandingInput = {
  phase: "running",
  alive: true,
  reason: "fine",
  checks: { http: { level: "HEALTHY", message: "passes" }, tcp: { level: "DEGRADED", message: "refused", output: "disk full" } },
};

describe("what an instance's checks say in Consul", () => {
  it("is each check's own level, cause and output while the service is there", () => {
    expect(standingOf(input)).toEqual({
      http: { status: "passing", output: "HEALTHY: passes" },
      tcp: { status: "warning", output: "DEGRADED: refused\ndisk full" },
    });
    expect(standingOf({ ...input, checks: { http: { level: "UNHEALTHY", message: "m" } } })).toEqual({
      http: { status: "critical", output: "UNHEALTHY: m" },
    });
    expect(standingOf({ ...input, checks: { http: { level: "UNKNOWN", message: "m" } } })).toEqual({
      http: { status: "critical", output: "UNKNOWN: m" },
    });
  });

  it.each([
    [{ alive: false }, "the service has exited"],
    [{ alive: false, phase: "backing_off" as const, reason: "exited with code 1" }, "backing_off: exited with code 1"],
    [{ phase: "starting" as const, reason: "attempt 1 of 3" }, "starting: attempt 1 of 3"],
    [{ envoyProblem: "Envoy ended by SIGKILL" }, "Envoy ended by SIGKILL"],
    [{ phase: "draining" as const, envoyProblem: "Envoy is starting" }, "Envoy is starting"],
  ])("is critical whatever the checks said when %j", (patch, output) => {
    expect(standingOf({ ...input, ...patch })["http"]).toEqual({ status: "critical", output });
  });

  it("stays passing while a drained service still answers", () => {
    expect(standingOf({ ...input, phase: "draining" })["http"]?.status).toBe("passing");
  });
});

describe("required dependencies", () => {
  const clusters = new Map([
    ["good", { endpoints: 2, healthy: 1 }],
    ["sick", { endpoints: 2, healthy: 0 }],
    ["empty", { endpoints: 0, healthy: 0 }],
  ]);
  it("are missing with what Envoy sees of them; optional ones never are", () => {
    const names = ["good", "sick", "empty", "absent"];
    expect(
      missingDependencies(
        names.map((name) => ({ name, optional: true })),
        clusters,
      ),
    ).toEqual([]);
    expect(
      missingDependencies(
        names.map((name) => ({ name, optional: false })),
        clusters,
      ),
    ).toEqual([
      "none of sick's 2 endpoints is healthy",
      "empty has no endpoint",
      "Envoy has no cluster absent: no service of that name is known",
    ]);
  });
});
