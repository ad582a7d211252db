import { expect, it } from "vitest";
import type { Instance } from "../instance.js";
import { reportedStanding } from "./standing.js";

type Parts = Parameters<typeof reportedStanding>[0];

/** The parts of an instance that serves, with `registrar`, `kept` and `withheld` as given. */
function partsOf(o: { registrar?: object; kept?: object; withheld?: string; discovery?: boolean } = {}): Parts {
  return {
    config: { values: { discovery: o.discovery ?? true } },
    registrar: o.registrar && { state: o.registrar },
    envoy: { runner: { state: { phase: "live", reason: "it listens" } }, version: () => "1.40.0" },
    migration: { withheld: o.withheld },
    stateDir: { kept: o.kept ?? {} },
  } as unknown as Pick<Instance, keyof Parts>;
}

it("tells of the registration, the Envoy, and what holds the instance back", () => {
  expect(reportedStanding(partsOf({ registrar: { registered: true } }))).toEqual({
    registered: true,
    envoy: { phase: "live", reason: "it listens", version: "1.40.0" },
  });
  const refused = { registered: false, problem: "Consul refused the token", duplicate: undefined };
  expect(reportedStanding(partsOf({ registrar: refused, kept: { maintenance: "disk swap" }, withheld: "no root is known" }))).toEqual({
    registered: false,
    registrationProblem: "Consul refused the token",
    envoy: { phase: "live", reason: "it listens", version: "1.40.0" },
    maintenance: "disk swap",
    withheld: "no root is known",
  });
});

it("says nothing of a registration where none is wanted, and not registered before the registrar is there", () => {
  expect(reportedStanding(partsOf({ discovery: false }))).not.toHaveProperty("registered");
  expect(reportedStanding(partsOf())).toMatchObject({ registered: false });
});

it("fits what the control plane takes, however long Consul's words", () => {
  const { registrationProblem = "" } = reportedStanding(partsOf({ registrar: { registered: false, problem: "x".repeat(5_000) } }));
  expect(registrationProblem).toHaveLength(1_000);
});
