import { reportPath } from "@legation/contract";
import type { InstanceDetail, InstanceList, WhyNotAnswer } from "@legation/contract/api";
import { expect, test } from "vitest";
import { agentReport } from "../testing/agent-report.js";
import { createGuardedApi } from "../testing/guarded-api.js";

test("an instance is found by its whole name, its ID, and its service where that has no other", async () => {
  const made = await createGuardedApi({ mode: "off" });
  for (const name of ["n1%2Fo1", "o1", "orders"]) {
    const { body } = await made.ask(`/api/why-not/${name}`);
    expect(body as WhyNotAnswer).toMatchObject({ instance: "n1/o1", service: "orders", getsTraffic: true, shut: null, silent: [] });
  }
  const { status, body } = await made.ask("/api/why-not/ordres");
  expect([status, (body as { detail: string }).detail]).toEqual([404, 'neither Consul nor an agent knows "ordres". Did you mean orders?']);
});

test("one that is not registered is explained by what its agent reports", async () => {
  const made = await createGuardedApi({ mode: "off" });
  made.reports.add(agentReport({ id: "o9", state: "waiting", reason: "db has no endpoint" }));
  const { body } = await made.ask("/api/why-not/n1%2Fo9");
  expect(body as WhyNotAnswer).toMatchObject({ getsTraffic: false, shut: "process", text: expect.stringContaining("db has no endpoint") });
  expect((await made.ask("/api/why-not/orders")).status).toBe(409);
});

test("one whose agent was refused is explained by that", async () => {
  const made = await createGuardedApi();
  const report = { method: "POST", payload: { ...agentReport({ id: "o9" }) } } as const;
  expect((await made.ask(reportPath, "no-such-token", report)).status).toBe(401);
  const { body } = await made.ask("/api/why-not/n1%2Fo9", "operator");
  expect(body as WhyNotAnswer).toMatchObject({
    shut: "agent",
    text: expect.stringContaining("a control plane refused what its agent said"),
  });
});

test("instances are shown to whoever may read their service", async () => {
  const made = await createGuardedApi();
  made.reports.add(agentReport({ restartCount: 2, standing: { registered: true } }));
  const list = (await made.ask("/api/instances", "reader")).body as InstanceList;
  expect(list).toMatchObject({ total: 2, silent: [], instances: [{ id: "o1", status: "running", restartCount: 2 }, { id: "w1" }] });
  const one = (await made.ask("/api/instances?service=web", "reader")).body as InstanceList;
  expect(one.instances.map(({ id }) => id)).toEqual(["w1"]);
  const detail = (await made.ask("/api/instances/n1/o1", "reader")).body as InstanceDetail;
  expect(detail).toMatchObject({ traffic: "HEALTHY", agent: "reporting", agentVersion: "0.1.0", checks: [{ status: "passing" }] });
  expect((await made.ask("/api/instances/n1/s1", "reader")).status).toBe(404);
  expect((await made.ask("/api/why-not/s1", "reader")).status).toBe(404);
});
