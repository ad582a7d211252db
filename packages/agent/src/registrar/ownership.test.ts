import type { AgentService } from "@legation/consul";
import { describe, expect, it } from "vitest";
import { configOf } from "../testing/definition.js";
import { differences, heartbeatCheckId, ownershipOf } from "./ownership.js";
import { registrationOf } from "./registration.js";

const wanted = registrationOf(
  configOf(["--tags", "a", "--meta", "team=x", "--dependencies", "pay,cache?", "--weight", "3"]).service,
  { owner: "uuid@host", mesh: { host: "127.0.0.1", port: 20_000 } },
  { http: { status: "passing", output: "" } },
);
const existing: AgentService = {
  ...wanted,
  Service: wanted.Name,
  Address: wanted.Address ?? "",
  Tags: wanted.Tags ?? null,
  Meta: wanted.Meta ?? null,
  Weights: wanted.Weights ?? { Passing: 1, Warning: 1 },
};
const alive = [{ id: heartbeatCheckId("orders-1"), status: "passing", notes: "" }] as const;
const by = (owner: string, patch: Partial<AgentService> = {}): AgentService => ({
  ...existing,
  ...patch,
  Meta: { ...existing.Meta, "legation-agent": owner },
});

describe("a registration in Consul", () => {
  it("carries the contract's fields", () => {
    expect(wanted).toMatchObject({
      ID: "orders-1",
      Name: "orders",
      Address: "127.0.0.1",
      Port: 8080,
      Weights: { Passing: 3, Warning: 1 },
      TaggedAddresses: { mesh: { Address: "127.0.0.1", Port: 20_000 } },
      Meta: { protocol: "http", team: "x", "legation-dep-0": "pay,cache?", "legation-agent": "uuid@host" },
    });
    const [heartbeat, http] = wanted.Checks ?? [];
    expect(heartbeat).toMatchObject({ TTL: "180000ms", DeregisterCriticalServiceAfter: "600000ms" });
    expect(http).toMatchObject({ CheckID: "legation:orders-1:http", TTL: "180000ms" });
    expect(http?.DeregisterCriticalServiceAfter).toBeUndefined();
  });

  it("names Envoy's address alone where mutual TLS is required, and says so", () => {
    const { service } = configOf(["--port", "8080"]);
    const of = (tls?: "accepted" | "required") =>
      registrationOf(service, { owner: "uuid@host", mesh: { host: "10.0.0.1", port: 20_000 }, ...(tls ? { tls } : {}) }, {});
    expect(of()).toMatchObject({ Address: "127.0.0.1", Port: 8080 });
    expect(of().Meta?.["legation-tls"]).toBeUndefined();
    expect(of("accepted")).toMatchObject({ Address: "127.0.0.1", Port: 8080, Meta: { "legation-tls": "accepted" } });
    expect(of("required")).toMatchObject({ Address: "10.0.0.1", Port: 20_000, Meta: { "legation-tls": "required" } });
    expect(of("required").TaggedAddresses).toEqual(of().TaggedAddresses);
  });

  it("has no differences from itself, whatever Consul adds, and each changed field by name", () => {
    const added = { lan_ipv4: { Address: "127.0.0.1", Port: 8080 }, ...existing.TaggedAddresses };
    expect(differences({ ...existing, TaggedAddresses: added }, wanted)).toEqual([]);
    expect(differences({ ...existing, Port: 1, Tags: null, Weights: { Passing: 1, Warning: 9 } }, wanted)).toEqual([
      "Port",
      "Tags",
      "Weights",
    ]);
    expect(differences({ ...existing, TaggedAddresses: {}, Meta: {} }, wanted)).toEqual(["Meta", "TaggedAddresses.mesh"]);
  });

  it.each([
    ["absent", undefined, []],
    ["mine", by("uuid@host"), []],
    ["stale", { ...existing, Meta: {} }, alive],
    ["stale", by("other@far"), []],
    ["stale", by("other@far"), [{ ...alive[0], status: "critical" as const }]],
    ["stale", by("other@host"), alive],
    ["foreign", by("other@far"), alive],
    ["stale", by("other@host", { Address: "127.0.0.1", Port: 20_000 }), alive],
    ["foreign", by("other@host", { Port: 9, TaggedAddresses: {} }), alive],
    ["foreign", by("other@host", { TaggedAddresses: { mesh: { Address: "127.0.0.1", Port: 9 } } }), alive],
    ["foreign", by("uuid@far"), alive],
  ] as const)("is %s", (kind, service, checks) => {
    expect(ownershipOf(service, checks, wanted).kind).toBe(kind);
  });
});
