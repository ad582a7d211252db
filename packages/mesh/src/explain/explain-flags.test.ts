import type { ReportedBreaker } from "@legation/contract";
import { describe, expect, it } from "vitest";
import { noTraffic, type TrafficPolicies } from "../policy/traffic/traffic-policies.js";
import { check, instance } from "../proof/instances.js";
import { writtenPolicies } from "../proof/written-policies.js";
import { explainFlags } from "./explain-flags.js";
import type { FlagScope } from "./here.js";

const head = "apiVersion: legation/v1\nkind:";
const subset = (what: string) =>
  writtenPolicies(
    `${head} Service\nname: orders\nsubsets: { s: ${what} }\n---\n${head} Route\nname: r\nservice: orders\nrules: [{ to: [{ subset: s }] }]\n`,
  );

function scope(given: Partial<FlagScope> & { readonly traffic?: TrafficPolicies } = {}): FlagScope {
  const services = [{ name: "orders", instances: [instance({ id: "orders-1", address: "10.0.0.1", port: 80, meta: { version: "1" } })] }];
  return { services, traffic: noTraffic, breakers: () => new Map(), since: () => undefined, ...given };
}
const here = (flag: string, given?: Partial<FlagScope>) => explainFlags(scope(given), [flag]).flags[0]?.here;

describe("what can be the cause of a flag here", () => {
  it.each([
    ["{ version: '9' }", "version 9"],
    ["{ tags: [beta] }", "tag beta"],
    ["{ meta: { track: canary } }", "track=canary"],
  ])("is a subset %s to which nobody belongs", (what, words) =>
    expect(here("UH", { traffic: subset(what) })).toEqual([
      `Route/r#0 sends requests to subset s of orders, to which no instance belongs (${words})`,
    ]),
  );

  it("is nothing where the subset is filled and an instance serves", () => {
    expect(here("UH", { traffic: subset("{ version: '1' }") })).toEqual([]);
    expect(here("UF")).toEqual([]);
  });

  it("is an instance that fails, with its check and who has ejected it", () => {
    const sick = instance({ id: "o2", address: "10.0.0.2", port: 80, checks: [check("critical")] });
    const breaker: ReportedBreaker = {
      ...{ service: "orders", address: "10.0.0.2:80", state: "open", cause: "consecutive 5xx", since: "2026-01-01T00:00:00Z" },
    };
    const services = [{ name: "orders", instances: [instance({ id: "o1" }), sick] }];
    const [said, ...more] = here("UF", { services, breakers: () => new Map([["m/web-1", [breaker]]]) }) ?? [];
    expect(said).toMatch(
      /o2 of orders \(10\.0\.0\.2:80\) is unhealthy: .*check \S+ is critical: .*; open at m\/web-1 since .* for consecutive 5xx$/,
    );
    expect(more).toEqual([]);
  });

  it("is the timeout that the flag is of, in its own words", () => {
    const traffic = writtenPolicies(`${head} Service\nname: orders\ntimeouts: { idle: 7s, request: 3s }\n`);
    expect(here("UT", { traffic })).toEqual(["requests to orders may take 3000 ms (Service/orders timeouts.request)"]);
    expect(here("SI", { traffic })).toEqual([
      "requests to orders in which nobody sends anything for 7000 ms are ended (Service/orders timeouts.idle)",
    ]);
  });
});

it("finds the instance that a line names, and the rule that refused", () => {
  const line = (more: object) => explainFlags(scope(), [], { flags: [], host: "orders", ...more }).findings;
  expect(line({ upstream: "10.0.0.1:80", status: 500 })).toEqual([
    expect.stringMatching(/^tried last: \S+orders-1 of orders \(10\.0\.0\.1:80\) is healthy/),
    "no flag: the status 500 is the answer of the application itself, so look there",
  ]);
  expect(line({ upstream: "10.9.9.9:80" })).toEqual([expect.stringContaining("where no instance is registered that you may read")]);
  expect(line({ details: "rbac_access_denied_matched_policy[web=>orders]", status: 403 })).toEqual([
    "refused by the rule web=>orders of Consul's intentions: see legation intentions check",
  ]);
});
