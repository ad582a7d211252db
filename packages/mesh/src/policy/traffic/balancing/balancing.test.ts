import { describe, expect, it } from "vitest";
import { writtenPolicies } from "../../../proof/written-policies.js";
import { trafficTo } from "../traffic-policies.js";

const document = (balancing: string, kind = "Service", name = "orders") =>
  `---\napiVersion: legation/v1\nkind: ${kind}\nname: ${name}\nbalancing: ${balancing}\n`;
const resolved = (text: string) => trafficTo({ name: "orders", instances: [] }, writtenPolicies(text)).settings.balancing;

describe("what is written of balancing", () => {
  it("is resolved field by field over that of the mesh", () => {
    const mesh = document("{ strategy: ring_hash, hashOn: [{ header: X-User }], boundedLoad: 150% }", "MeshDefaults", "mesh");
    expect(resolved(mesh + document("{ hashOn: [{ cookie: { name: seat, ttl: 90s } }, { source: address }] }"))).toMatchObject({
      strategy: "ring_hash",
      hashOn: [{ cookie: { name: "seat", ttl: 90_000 } }, { source: "address" }],
      boundedLoad: 150,
    });
    expect(resolved(mesh)).toMatchObject({ hashOn: [{ header: "x-user" }], choices: 2 });
  });

  it.each([
    ["{ strategy: maglev }", "balancing.hashOn: is missing: maglev has to know what of a request chooses the instance"],
    ["{ strategy: random, slowStart: 10s }", "balancing.slowStart: random has no slow start in Envoy. Take slowStart out, or use one"],
    ["{ strategy: ring_hash, hashOn: [{ query: q }], slowStart: 1s }", "balancing.slowStart: ring_hash has no slow start in Envoy"],
    ["{ strategy: round_robin, choices: 3 }", "balancing.choices: round_robin does not draw among instances"],
    ["{ strategy: random, hashOn: [{ query: q }] }", "balancing.hashOn: random does not look at requests"],
    ["{ strategy: random, boundedLoad: 120% }", "balancing.boundedLoad: random has no bound to the load of one instance"],
    ["{ hashOn: [{ header: a, query: b }] }", "balancing.hashOn[0]: say exactly one of header, cookie, query, source"],
    ["{ hashOn: [{ header: 'not a name' }] }", 'balancing.hashOn[0].header: "not a name" cannot be used: use a header'],
    [
      "{ hashOn: [{ cookie: { name: a, path: / } }] }",
      "balancing.hashOn[0].cookie.path: is for a cookie that Envoy makes. Say its ttl too",
    ],
    ["{ boundedLoad: 99% }", "balancing.boundedLoad: use a share from 100% to 900%"],
  ])("is refused with its place and the fix: %s", (written, message) => {
    expect(() => writtenPolicies(document(written))).toThrow(message);
  });

  it("may say slowStart: 0s beside a strategy that has none", () => {
    expect(resolved(document("{ strategy: random, slowStart: 0s }"))).toMatchObject({ strategy: "random", slowStart: 0 });
  });
});
