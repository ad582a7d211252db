import { controlPlaneService, leavingPath } from "@legation/contract";
import { describe, expect, test } from "vitest";
import { createGuardedApi } from "../testing/guarded-api.js";
import { deniedRate } from "./denials.js";
import { rateLimitsOf, windowMs } from "./limits.js";

describe("rates", () => {
  test("a client that asks too often is told when to come again, and no other suffers", async () => {
    const { ask, notice, clock } = await createGuardedApi({ rateLimit: 1 });
    const { client } = rateLimitsOf(1);
    for (let i = 0; i < client; i++) expect((await ask("/services", "reader")).status).toBe(200);
    const refused = await ask("/services", "reader");
    expect(refused).toMatchObject({ status: 429, body: { code: "access.too-many" } });
    expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
    expect((await ask("/services", "operator")).status).toBe(200);
    expect((await ask(leavingPath, "owner", notice("orders", "o1"))).status).toBe(200);
    await clock.advance(windowMs);
    expect((await ask("/services", "reader")).status).toBe(200);
  });

  test("control planes are answered as often as they ask, by certificate and by token, and nobody in their name", async () => {
    const question = { method: "POST", payload: { relayed: true } } as const;
    const { agent } = rateLimitsOf(1);
    for (const [service, token] of [
      [controlPlaneService, undefined],
      [undefined, "plane"],
    ] as const) {
      const { ask } = await createGuardedApi({ rateLimit: 1, ...(service ? { service } : {}) });
      const statuses = new Set<number>();
      for (let i = 0; i < agent + 20; i++) statuses.add((await ask("/v1/agents/health", token, question)).status);
      expect([...statuses]).toEqual([200]);
    }
    const { ask } = await createGuardedApi({ rateLimit: 1 });
    const statuses = new Set<number>();
    for (let i = 0; i < agent + 20; i++) statuses.add((await ask("/v1/agents/health", "owner", question)).status);
    expect([...statuses]).toEqual([403, 429]);
  });

  test("made-up tokens soon cost Consul nothing, lock out no token that is known, and are a security event", async () => {
    const { ask, acl, events } = await createGuardedApi({ rateLimit: 5 });
    await ask("/services", "reader");
    const seen = new Set<number>();
    for (let i = 0; i < 100; i++) seen.add((await ask("/services", `made-up-${i}`)).status);
    expect([...seen]).toEqual([401, 429]);
    expect(acl.questions).toBeLessThan(rateLimitsOf(5).refused + 10);
    expect((await ask("/services", "reader")).status).toBe(200);
    expect(events.list()).toMatchObject([{ kind: "calls-denied", count: 100 - deniedRate.refusals + 1 }]);
  });

  test("whoever asks about very much costs Consul little, and keeps little of this memory", async () => {
    const { ask, acl, audited } = await createGuardedApi({ rateLimit: 5 });
    const { client, refused } = rateLimitsOf(5);
    const apply = (token: string | undefined, documents: object[]) =>
      ask("/api/policies/apply", token, { method: "POST", payload: { documents } });
    await ask("/services", "none");
    const many = (of: string) => Array.from({ length: 1_000 }, (_, i) => ({ kind: "Identity", name: `${of}-${i}` }));
    for (const [token, most, first] of [
      [undefined, refused, 401],
      ["none", client, 403],
    ] as const) {
      const before = acl.questions;
      const statuses = new Set<number>();
      for (let i = 0; i < most + 20; i++) statuses.add((await apply(token, many(`${token}-${i}`))).status);
      expect([...statuses]).toEqual([first, 429]);
      expect(acl.questions - before).toBeLessThanOrEqual(most);
    }
    expect(Math.max(...audited.map(({ target }) => target.length))).toBe(21);
    const long = "x".repeat(100_000);
    await ask("/api/policies/apply", "operator", { method: "POST", payload: { documents: [{ kind: "Identity", name: long }] } });
    expect(JSON.stringify(audited)).not.toContain("xxx");
  });
});
