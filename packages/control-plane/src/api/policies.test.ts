import { createHash } from "node:crypto";
import fastify from "fastify";
import { describe, expect, it } from "vitest";
import { signStatement } from "../policies/signing-key.js";
import { createTestPolicies } from "../policies/testing/policy-parts.js";
import { access, createOperators, identity } from "../policies/testing/replica.js";
import { openAccess } from "../security/access.js";
import { addPolicyRoutes } from "./policies.js";
import { addPolicyChangeRoutes } from "./policy-changes.js";
import { addPolicyCheckRoute } from "./policy-check.js";
import { useProblems } from "./problem.js";

const operators = createOperators("ann", "bob");

function setUp() {
  const policies = createTestPolicies(operators.trust());
  const app = fastify();
  app.decorateRequest("access");
  app.addHook("preHandler", async (request) => {
    request.access = openAccess({ kind: "open", address: "127.0.0.1" }, { detail: {} });
  });
  useProblems(app);
  addPolicyRoutes(app, policies);
  addPolicyChangeRoutes(app, policies, { services: () => [] });
  addPolicyCheckRoute(app, policies, { services: () => [] });
  const ask = async (method: "GET" | "POST", url: string, payload?: object) => {
    const response = await app.inject({ method, url, ...(payload ? { payload } : {}) });
    await policies.take().catch(() => undefined);
    const body: Record<string, unknown> = response.json();
    return { ...body, status: response.statusCode } as Readonly<Record<string, unknown>>;
  };
  return { ask, policies };
}

describe("policies over HTTP", () => {
  it("are applied, listed, compared and taken back", async () => {
    const { ask } = setUp();
    expect(await ask("GET", "/api/policies")).toMatchObject({ status: 200, origin: "store", bundle: null, documents: [], problem: null });
    const applied = await ask("POST", "/api/policies/apply", {
      documents: [identity("mesh", "permissive")],
      author: "ann",
      reason: "first",
    });
    expect(applied).toMatchObject({ status: 200, state: "accepted", version: 1, changed: ["Identity/mesh"] });
    await ask("POST", "/api/policies/apply", { documents: [identity("pay", "strict", "payments")], author: "bob" });
    expect(await ask("GET", "/api/policies")).toMatchObject({
      bundle: { version: 2, author: "bob" },
      documents: [{ name: "mesh" }, { name: "pay" }],
    });
    expect(await ask("GET", "/api/policies/history")).toMatchObject({ bundles: [{ version: 2 }, { version: 1, reason: "first" }] });
    expect(await ask("GET", "/api/policies/diff?from=1")).toMatchObject({
      changes: [{ document: "Identity/pay", before: null, after: { mode: "strict" } }],
    });
    expect(await ask("POST", "/api/policies/rollback", { to: "1", reason: "worse" })).toMatchObject({ state: "accepted", version: 3 });
    expect(await ask("GET", "/api/policies")).toMatchObject({ documents: [{ name: "mesh" }] });
    expect(await ask("POST", "/api/policies/live", { bundle: applied["bundle"] })).toMatchObject({ replicas: 1, inForce: 0 });
  });

  it("only say what would change, when that is asked", async () => {
    const { ask, policies } = setUp();
    const answer = await ask("POST", "/api/policies/apply", { documents: [identity("mesh", "strict")], dryRun: true });
    expect(answer).toMatchObject({ state: "dry-run", changes: [{ document: "Identity/mesh", before: null }], warnings: [] });
    expect(policies.kv.entries.size).toBe(0);
  });

  it("are taken with what is odd about them told, by those who ask first and those who do not", async () => {
    const { ask } = setUp();
    const documents = [{ apiVersion: "legation/v1", kind: "Service", name: "orders", timeouts: { request: "1s" } }];
    const warnings = [
      { code: "service-unknown", document: "Service/orders", path: "name" },
      { code: "connecting-outlasts-request", document: "Service/orders", path: "timeouts.request", severity: "warning" },
    ];
    expect(await ask("POST", "/api/policies/check", { documents })).toMatchObject({ status: 200, warnings });
    expect(await ask("POST", "/api/policies/apply", { documents, dryRun: true })).toMatchObject({ state: "dry-run", warnings });
    expect(await ask("POST", "/api/policies/apply", { documents })).toMatchObject({ state: "accepted", warnings });
    expect(await ask("POST", "/api/policies/check", { documents: [identity("mesh", "off")] })).toMatchObject({ warnings: [] });
  });

  it("wait for signatures where they need them", async () => {
    const { ask, policies } = setUp();
    const documents = [access(2, "ann", "bob"), identity("mesh", "strict")];
    const waits = await ask("POST", "/api/policies/apply", { documents, author: "ann" });
    expect(waits).toMatchObject({ status: 202, state: "awaiting-approval", changed: ["Access/guard", "Identity/mesh"] });
    const path = `/api/policies/proposals/${String(waits["proposal"])}`;
    const proposal = await ask("GET", path);
    const { statement } = (await policies.editing().proposals.get(String(waits["proposal"]))).proposal;
    expect(proposal).toMatchObject({ author: "ann", signed: [], statement });
    const hashes = (proposal["guarded"] as string[]).map((text) => createHash("sha256").update(text).digest("hex"));
    expect(hashes).toEqual(Object.values(statement.documents));
    for (const key of ["ann", "bob"]) {
      expect(await ask("POST", `${path}/apply`)).toMatchObject({ status: 202 });
      const signature = signStatement(statement, operators.keys.get(key)?.privatePem ?? "");
      expect(await ask("POST", `${path}/signatures`, { key, signature })).toMatchObject({ status: 200 });
    }
    expect(await ask("POST", `${path}/apply`)).toMatchObject({ status: 200, state: "accepted", version: 1 });
    expect(await ask("GET", path)).toMatchObject({ status: 404, code: "policy.no-such-proposal" });
  });

  it.each([
    [
      "/api/policies/apply",
      { documents: [{ ...identity("a", "off"), mode: "stict" }] },
      422,
      "policy.invalid",
      'documents[0]: mode: "stict" is none',
    ],
    ["/api/policies/apply", { documents: [identity("a", "off"), identity("b", "off")] }, 422, "policy.invalid", "Identity/b: service"],
    ["/api/policies/apply", { remove: ["Identity/x"] }, 422, "policy.invalid", "there is no Identity/x"],
    ["/api/policies/apply", { documents: [identity("a", "off")], expect: "0".repeat(64) }, 409, "policy.conflict", "is not live any more"],
    ["/api/policies/rollback", { to: "7" }, 404, "policy.no-such-bundle", "no bundle 7"],
    ["/api/policies/rollback", {}, 400, "api.bad-request", "body.to: is missing"],
  ])("answer %s with %j by a problem that says the fix", async (url, body, status, code, detail) => {
    const answer = await setUp().ask("POST", url, body);
    expect(answer).toMatchObject({ status, code, detail: expect.stringContaining(detail) });
  });

  it("are refused once the store was tampered with, and the last good ones stay", async () => {
    const { ask, policies } = setUp();
    await ask("POST", "/api/policies/apply", { documents: [identity("mesh", "strict")] });
    for (const [key, entry] of policies.kv.entries)
      if (key.endsWith("head")) policies.kv.entries.set(key, { ...entry, value: Buffer.from("{}") });
    const answer = await ask("POST", "/api/policies/apply", { documents: [identity("mesh", "off")] });
    expect(answer).toMatchObject({ status: 409, code: "policy.tampered" });
    expect(policies.live.policies().of("Identity")).toMatchObject([{ mode: "strict" }]);
  });
});
