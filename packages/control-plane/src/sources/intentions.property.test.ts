import { type Consul, createConsul, defaultIntention, intentionsPath } from "@legation/consul";
import {
  type ConsulServer,
  consulVersions,
  createTestIntentions,
  startConsulServer,
  type WrittenIntention,
} from "@legation/consul/testing";
import { spiffeId } from "@legation/contract";
import { decide, type Verdict } from "@legation/mesh";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseIntentions } from "./intention-rows.js";

/** Names that differ in case and in what a pattern would make of them. */
const names = ["web", "Web", "web.v2", "web-v2", "orders"] as const;
const sets = 150;
const callsPerSet = 6;

function uriOf(service: string): string {
  return spiffeId({ trustDomain: "11111111-2222-3333-4444-555555555555.consul", namespace: "default", datacenter: "dc1", service });
}

const name = fc.constantFrom(...names, "*");
/** Consul takes names that differ in case alone for one when it stores them. */
const written = name.filter((each) => each !== "Web");
const header = fc.record({ Name: fc.constant("x-role"), Exact: fc.constant("boss") });
const http = fc.oneof(
  fc.record({ PathPrefix: fc.constant("/") }),
  fc.record({ Methods: fc.constant(["get"]) }),
  fc.record({ Header: fc.tuple(header) }),
);
const verdict = fc.constantFrom<Verdict>("allow", "deny");
const permissions = fc.array(fc.record({ Action: verdict, HTTP: http }), { minLength: 1, maxLength: 2 });

function anyIntentions(version: string): fc.Arbitrary<WrittenIntention[]> {
  const one = fc.record({
    source: name,
    destination: written,
    rule: version === "1.8.7" ? verdict : fc.oneof({ weight: 3, arbitrary: verdict }, permissions),
  });
  // Consul takes permissions for exact destinations only.
  const legal = one.map((each) => (each.destination === "*" && typeof each.rule !== "string" ? { ...each, rule: "deny" as const } : each));
  return fc.uniqueArray(legal, { maxLength: 8, selector: (each) => `${each.source} ${each.destination}`.toLowerCase() });
}

const management = "11111111-2222-3333-4444-555555555555";
const acl = (policy: Verdict, version: string) => ({
  acl: { enabled: true, default_policy: policy, tokens: { [version === "1.8.7" ? "master" : "initial_management"]: management } },
  primary_datacenter: "dc1",
});
const configurations = (version: string) => [
  { what: "no ACLs", expected: "allow", config: {} },
  { what: "ACLs that allow by default", expected: "allow", config: acl("allow", version), token: management },
  { what: "ACLs that deny by default", expected: "deny", config: acl("deny", version), token: management },
  ...(version === "1.8.7" ? [] : [{ what: "an intention policy", expected: "deny", config: { default_intention_policy: "deny" } }]),
];

/** The secret of a token that may write services and nothing else; tokens for everything allow every call by default. */
async function ordinaryToken(consul: Consul): Promise<string> {
  const policy = await consul.put<{ ID: string }>("/acl/policy", { Name: "services", Rules: 'service_prefix "" { policy = "write" }' });
  return (await consul.put<{ SecretID: string }>("/acl/token", { Policies: [{ ID: policy.ID }] })).SecretID;
}

describe.each(consulVersions)("Consul %s", (version) => {
  test.each(configurations(version))(
    "with $what says of itself what becomes of other calls: $expected",
    async ({ expected, config, token }) => {
      const server = await startConsulServer({ version, config });
      const consul = createConsul({ address: server.url, ...(token ? { token } : {}) });
      try {
        await expect.poll(async () => defaultIntention(await consul.agent.self()), { timeout: 20_000 }).toBe(expected);
        const asking = token ? await ordinaryToken(consul) : undefined;
        expect(await createTestIntentions(server, asking).authorize(uriOf("a"), "b")).toBe(expected === "allow");
      } finally {
        consul.close();
        await server.stop();
      }
    },
  );

  let server: ConsulServer;
  beforeAll(async () => {
    server = await startConsulServer({ version });
  }, 60_000);
  afterAll(() => server.stop());

  test(`decides the same as Legation, for ${sets} sets of intentions`, { timeout: 300_000 }, async () => {
    const intentions = createTestIntentions(server);
    const consul = createConsul({ address: server.url });
    const pair = fc.tuple(fc.constantFrom(...names), fc.constantFrom(...names));
    const byRule = new Map<string, number>();
    const property = fc.asyncProperty(
      anyIntentions(version),
      fc.array(pair, { minLength: callsPerSet, maxLength: callsPerSet }),
      async (all, calls) => {
        await intentions.replace(all);
        const read = parseIntentions((await consul.get(intentionsPath)).data);
        expect(read.leftOut).toEqual([]);
        expect(read.intentions.length).toBe(all.length);
        for (const [from, to] of calls) {
          const call = { from: { namespace: "default", name: from }, to: { namespace: "default", name: to } };
          const decision = decide(read.intentions, "allow", call);
          const allowed = decision.verdict === "allow";
          const kind = decision.rule.replace(/[^*>]+/g, "x");
          byRule.set(kind, (byRule.get(kind) ?? 0) + 1);
          // Consul's two answers differ where names differ in case alone; the one that its proxies follow counts.
          if (!JSON.stringify([all, from, to]).includes("Web"))
            expect([from, to, await intentions.check(from, to)]).toEqual([from, to, allowed]);
          await expect
            .poll(() => intentions.authorize(uriOf(from), to), { timeout: 5_000, interval: 5, message: `${from} to ${to}` })
            .toBe(allowed);
        }
      },
    );
    await fc.assert(property, { numRuns: sets });
    consul.close();
    expect(byRule.size).toBeGreaterThanOrEqual(5);
  });
});
