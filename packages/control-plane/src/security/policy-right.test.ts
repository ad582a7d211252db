import type { InjectOptions } from "fastify";
import { describe, expect, test } from "vitest";
import { createGuardedApi } from "../testing/guarded-api.js";

describe("the right to a policy", () => {
  const strict = { apiVersion: "legation/v1", kind: "Identity", mode: "strict" };
  const post = (payload: object): InjectOptions => ({ method: "POST", payload });

  test("is one to the service that the policy in force is for too, whether it is set, removed, replaced or rolled back", async () => {
    const { ask, policies, audited } = await createGuardedApi();
    const all = [{ ...strict, name: "orders", service: "payments" }];
    const apply = "/api/policies/apply";
    expect((await ask(apply, "admin", post({ documents: all }))).status).toBe(200);
    await policies.take();
    for (const dryRun of [false, true])
      for (const change of [
        { documents: [{ ...strict, name: "orders", service: "orders", mode: "off" }] },
        { remove: ["Identity/orders"] },
      ])
        expect(await ask(apply, "team", post({ ...change, dryRun }))).toMatchObject({
          status: 403,
          body: { code: "access.denied", missing: 'key "legation/policies/Identity/payments" { policy = "write" }' },
        });
    expect((await ask(apply, "admin", post({ remove: ["Identity/orders"] }))).status).toBe(200);
    expect((await ask(apply, "team", post({ documents: [{ ...strict, name: "orders", service: "orders" }] }))).status).toBe(200);
    await policies.take();
    expect(policies.live.policies().of("Identity")).toMatchObject([{ name: "orders", service: "orders" }]);
    expect((await ask("/api/policies/rollback", "most", post({ to: "1" }))).body).toMatchObject({
      missing: 'key "legation/policies/Identity/payments" { policy = "write" }',
    });
    expect((await ask(apply, "most", post({ documents: all, replace: true }))).status).toBe(403);
    expect((await ask(apply, "most", post({ documents: [], replace: true }))).status).toBe(200);
    expect(audited.filter(({ kind }) => kind === "refusal")).toHaveLength(6);
    expect(audited.every(({ kind, detail }) => kind === "change" || detail?.["code"] === "access.denied")).toBe(true);
  });
});
