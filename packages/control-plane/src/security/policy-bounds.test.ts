import type { InjectOptions } from "fastify";
import { expect, test } from "vitest";
import { createGuardedApi } from "../testing/guarded-api.js";

const apply = "/api/policies/apply";
const head = { apiVersion: "legation/v1" } as const;
const post = (payload: object): InjectOptions => ({ method: "POST", payload });
const service = (name: string, request: string) => ({ ...head, kind: "Service", name, timeouts: { request } });
const bounds = {
  ...head,
  kind: "Access",
  name: "orders-team",
  kinds: ["Service"],
  services: ["orders"],
  allow: { to: { policies: ["team-orders"] }, bounds: { "timeouts.request": { max: "30s" } } },
};

test("a team changes its own service within its bounds, and whoever may write all policies mends the rest", async () => {
  const { ask, policies, acl, audited } = await createGuardedApi();
  const set = async (token: string, ...documents: object[]) => {
    const answer = await ask(apply, token, post({ documents }));
    await policies.take().catch(() => undefined);
    return answer;
  };
  expect((await set("admin", bounds)).status).toBe(200);
  acl.policies["service-team"] = ["team-orders"];

  expect((await set("service-team", service("orders", "30s"))).status).toBe(200);
  for (const dryRun of [true, false])
    expect(await ask(apply, "service-team", post({ documents: [service("orders", "31s")], dryRun }))).toMatchObject({
      status: 403,
      body: { code: "policy.not-allowed", detail: expect.stringContaining('Service/orders: timeouts.request: "31s", and at most 30s') },
    });
  expect(audited.filter(({ kind }) => kind === "refusal")).toHaveLength(2);
  expect(await set("service-team", service("web", "1s"))).toMatchObject({ status: 403, body: { code: "access.denied" } });
  expect((await set("service-team", { ...bounds, name: "mine" })).body).toMatchObject({ code: "access.denied" });

  acl.policies["service-team"] = ["team-web"];
  expect(await set("service-team", service("orders", "1s"))).toMatchObject({
    status: 403,
    body: { detail: expect.stringContaining("Access/orders-team allows ACL policy team-orders") },
  });
  expect((await set("admin", service("orders", "1h"))).status).toBe(200);
  expect(policies.live.policies().of("Service")).toMatchObject([{ timeouts: { request: "1h" } }]);

  acl.answers = false;
  expect((await set("service-team", service("orders", "1s"))).status).toBe(503);
});
