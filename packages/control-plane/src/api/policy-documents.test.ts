import fastify, { type InjectOptions } from "fastify";
import { expect, test } from "vitest";
import { createTestPolicies } from "../policies/testing/policy-parts.js";
import { createOperators, identity } from "../policies/testing/replica.js";
import { withoutAcl } from "../testing/access.js";
import { useEntityTags } from "./entity-tag.js";
import { addPolicyDocumentRoutes } from "./policy-documents.js";
import { useProblems } from "./problem.js";

function setUp() {
  const policies = createTestPolicies(createOperators("ann").trust());
  const app = fastify();
  useProblems(app);
  useEntityTags(app);
  withoutAcl(app);
  addPolicyDocumentRoutes(app, policies);
  const ask = async (method: "GET" | "PUT" | "DELETE", name: string, more: InjectOptions = {}) => {
    const answer = await app.inject({ method, url: `/api/policies/documents${name.startsWith("?") ? "" : "/"}${name}`, ...more });
    await policies.take().catch(() => undefined);
    return { status: answer.statusCode, etag: String(answer.headers["etag"]), body: answer.body === "" ? undefined : answer.json() };
  };
  return { ask, policies };
}

const put = (mode: "off" | "permissive" | "strict", headers: Readonly<Record<string, string>> = {}) => ({
  payload: identity("mesh", mode),
  headers,
});

test("a policy is created, read, replaced and removed, each only as it was seen", async () => {
  const { ask } = setUp();
  const path = "Identity/mesh";
  expect(await ask("GET", path)).toMatchObject({ status: 404, body: { code: "policy.unknown" } });
  expect((await ask("PUT", path, put("off", { "if-match": '"x"' }))).status).toBe(412);
  const created = await ask("PUT", path, put("off", { "if-none-match": "*" }));
  expect(created).toMatchObject({ status: 200, body: { state: "accepted", version: 1, changed: [path] } });
  const read = await ask("GET", path);
  expect(read).toMatchObject({ status: 200, etag: created.etag, body: { mode: "off" } });
  expect((await ask("GET", path, { headers: { "if-none-match": read.etag } })).status).toBe(304);

  const again = await ask("PUT", path, put("strict", { "if-none-match": "*" }));
  expect(again).toMatchObject({ status: 412, body: { code: "policy.precondition", detail: expect.stringContaining(read.etag) } });
  expect(await ask("PUT", path, put("strict", { "if-match": read.etag }))).toMatchObject({ status: 200, body: { version: 2 } });
  expect((await ask("PUT", path, put("permissive", { "if-match": read.etag }))).status).toBe(412);
  expect((await ask("DELETE", path, { headers: { "if-match": read.etag } })).status).toBe(412);
  expect((await ask("GET", path)).body).toMatchObject({ mode: "strict" });
  expect(await ask("DELETE", path)).toMatchObject({ status: 200, body: { state: "accepted", version: 3 } });
  expect(await ask("DELETE", path)).toMatchObject({ status: 404, body: { code: "policy.unknown" } });
});

test.each([
  ["Identity/other", identity("mesh", "off"), "the document is Identity/mesh, and the path says Identity/other"],
  ["Identity/mesh", { ...identity("mesh", "off"), mode: "odd" }, '"odd" is none of'],
])("a document that is wrong at %s is refused with the fix", async (path, payload, detail) => {
  const { ask } = setUp();
  expect(await ask("PUT", path, { payload })).toMatchObject({
    status: 422,
    body: { code: "policy.invalid", detail: expect.stringContaining(detail) },
  });
});

test("all policies are read in pages", async () => {
  const { ask } = setUp();
  for (const name of ["b", "a", "c"])
    expect((await ask("PUT", `Service/${name}`, { payload: { apiVersion: "legation/v1", kind: "Service", name } })).status).toBe(200);
  const first = await ask("GET", "?limit=2");
  expect(first.body).toMatchObject({ total: 3, nextCursor: "Service/b", documents: [{ name: "a" }, { name: "b" }] });
  expect((await ask("GET", "?limit=2&cursor=Service%2Fb")).body).toMatchObject({ documents: [{ name: "c" }] });
});
