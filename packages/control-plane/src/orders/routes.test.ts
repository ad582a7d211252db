import { request } from "node:http";
import type { AddressInfo } from "node:net";
import type { CommandOrder, CommandResult } from "@legation/contract";
import type { CheckNowAnswer, RestartAnswer } from "@legation/contract/api";
import { describe, expect, test } from "vitest";
import { agentReport } from "../testing/agent-report.js";
import { createGuardedApi } from "../testing/guarded-api.js";
import { until } from "../testing/until.js";

type Api = Awaited<ReturnType<typeof createGuardedApi>>;
/** What an agent does for an order; undefined for one that never answers. */
type Does = (order: CommandOrder) => CommandResult | undefined;

/** An agent of an instance of `orders` that listens and reports. */
function agent(api: Api, id: string, does: Does): CommandOrder[] {
  const told: CommandOrder[] = [];
  let restartCount = 0;
  api.reports.add(agentReport({ id }));
  api.commands.listen(`n1/${id}`, {
    command(command) {
      told.push({ kind: command.kind, ...(command.force === undefined ? {} : { force: command.force }) });
      const result = does(command);
      if (!result) return;
      if (command.kind === "restart" && result.ok)
        api.reports.add(agentReport({ id, restartCount: ++restartCount, lastRestart: `2026-03-01T10:00:0${restartCount}Z` }));
      setImmediate(() => void api.commander.report({ node: "n1", id, service: "orders", command: command.id, replica: "r", ...result }));
    },
    closed: () => undefined,
  });
  return told;
}

const restarted: CommandResult = { ok: true, message: "restarted; 1 of 1 proxies acknowledged" };

/** An API whose `orders` has the instances of these ids. */
async function api(...ids: string[]): Promise<Api> {
  const made = await createGuardedApi({ mode: "off" });
  const [orders] = made.registry;
  const [one] = orders?.instances ?? [];
  if (one) made.registry[0] = { name: "orders", instances: ids.map((id) => ({ ...one, id })) };
  return made;
}

const post = (payload: object = {}) => ({ method: "POST", payload }) as const;
const restart = async (made: Api, name: string, body: object = {}) => {
  const { status, body: answer } = await made.ask(`/api/orchestration/restart/${name}`, undefined, post(body));
  return { status, answer: answer as RestartAnswer & { readonly code: string; readonly detail: string } };
};

describe("a restart", () => {
  test("goes through the instances one after the other, and says what became of each", async () => {
    const made = await api("o1", "o2");
    const order: string[] = [];
    const told = ["o1", "o2"].map((id) =>
      agent(made, id, () => {
        order.push(id);
        return restarted;
      }),
    );
    const { status, answer } = await restart(made, "orders", { force: true });
    expect(status).toBe(200);
    expect(answer).toEqual({
      success: true,
      service: "orders",
      status: "running",
      restart_count: 2,
      last_restart: "2026-03-01T10:00:01Z",
      message: "2 of 2 instances restarted",
      instances: ["o1", "o2"].map((id) => ({ instance: `n1/${id}`, outcome: "restarted", message: restarted.message })),
      silent: [],
    });
    expect(order).toEqual(["o1", "o2"]);
    expect(told).toEqual([[{ kind: "restart", force: true }], [{ kind: "restart", force: true }]]);
    expect(made.audited).toMatchObject([{ kind: "change", outcome: "done", detail: { restarted: 2, of: 2 } }]);
  });

  test("begins with those that serve nobody, and stops at the first that fails", async () => {
    const made = await api("o1", "o2");
    const healthy = agent(made, "o1", () => restarted);
    agent(made, "o2", () => ({ ok: false, message: "the restart limit of 3 attempts is used up; use force to start it again" }));
    made.reports.add(agentReport({ id: "o2", state: "failed", lastError: "exit code 1" }));
    const { status, answer } = await restart(made, "orders");
    expect([status, answer.success, answer.status]).toEqual([200, false, "failed"]);
    expect(answer.instances.map(({ instance, outcome }) => [instance, outcome])).toEqual([
      ["n1/o2", "failed"],
      ["n1/o1", "not-begun"],
    ]);
    expect(answer.message).toContain("n1/o2 failed: the restart limit of 3 attempts is used up");
    expect(answer.message).toContain("1 behind it were left alone");
    expect(healthy).toEqual([]);
  });

  test("of one instance leaves the others alone", async () => {
    const made = await api("o1", "o2");
    const [one, other] = [agent(made, "o1", () => restarted), agent(made, "o2", () => restarted)];
    for (const instance of ["o2", "n1/o2"]) expect((await restart(made, "orders", { instance })).answer.instances).toHaveLength(1);
    expect([one.length, other.length]).toEqual([0, 2]);
  });

  test("that takes longer than is waited for goes on, and is not begun twice", async () => {
    const made = await api("o1");
    const told = agent(made, "o1", () => undefined);
    const asked = restart(made, "orders", { wait_ms: 5 });
    await until("the agent is told", () => told.length === 1);
    await made.clock.advance(10);
    const first = await asked;
    expect([first.status, first.answer.success, first.answer.instances[0]?.outcome]).toEqual([202, true, "under-way"]);
    const second = await restart(made, "orders");
    expect([second.status, second.answer.code]).toEqual([409, "restart.under-way"]);
  });

  test("is refused where it does not say which instance is meant, or says what nobody understands", async () => {
    const made = await api("o1", "o1");
    const [orders] = made.registry;
    const [one, two] = orders?.instances ?? [];
    if (one && two) made.registry[0] = { name: "orders", instances: [one, { ...two, node: "n2" }] };
    const told = agent(made, "o1", () => restarted);
    const both = await restart(made, "orders", { instance: "o1" });
    expect([both.status, both.answer.code]).toEqual([409, "instance.ambiguous"]);
    expect(both.answer.detail).toContain("Write one of n1/o1, n2/o1");
    expect((await restart(made, "orders", { instnace: "n1/o1" })).status).toBe(400);
    expect(told).toEqual([]);
    expect((await restart(made, "orders", { instance: "n1/o1" })).status).toBe(200);
    const checks = "/api/orchestration/health/check-now";
    expect((await made.ask(checks, undefined, post({ instance: "o1" }))).status).toBe(400);
    expect((await made.ask(checks, undefined, post({ service: "orders", instance: "o1" }))).status).toBe(409);
  });

  test("is in the audit also when its client has gone before it is over", async () => {
    const made = await api("o1");
    const told = agent(made, "o1", () => undefined);
    await made.app.listen({ host: "127.0.0.1", port: 0 });
    const { port } = made.app.server.address() as AddressInfo;
    try {
      const client = request({ host: "127.0.0.1", port, method: "POST", path: "/api/orchestration/restart/orders", agent: false });
      client.on("error", () => undefined);
      client.end();
      await until("the agent is told", () => told.length === 1);
      const gone = new Promise((resolve) => made.app.server.once("connection", resolve));
      client.destroy();
      // What comes behind on another connection is answered after the server has seen the first one's end.
      await Promise.all([gone, fetch(`http://127.0.0.1:${port}/health`)]);
      await until("the audit is told", async () => {
        await made.clock.advance(60_000);
        return made.audited.length > 0;
      });
      expect(made.audited).toMatchObject([
        { kind: "change", outcome: "done", action: "POST /api/orchestration/restart/:name", detail: { restarted: 0, of: 1 } },
      ]);
    } finally {
      await made.app.close();
    }
  });

  test("is refused with what to do where no agent reports, and for what is not there with the name that was meant", async () => {
    const made = await api("o1");
    const none = await restart(made, "orders");
    expect([none.status, none.answer.code]).toEqual([409, "restart.no-agent"]);
    expect(none.answer.detail).toContain('run it under "legation agent"');
    const unknown = await restart(made, "order");
    expect([unknown.status, unknown.answer.code]).toEqual([404, "service.unknown"]);
    expect(unknown.answer.detail).toContain("Did you mean orders?");
    const instance = await restart(made, "orders", { instance: "o9" });
    expect([instance.status, instance.answer.code]).toEqual([404, "instance.unknown"]);
    expect(instance.answer.detail).toContain("It has n1/o1");
    expect((await restart(made, "orders", { wait_ms: -1 })).status).toBe(400);
  });

  test("whose agent has gone away fails with what the control planes know", async () => {
    const made = await api("o1");
    made.reports.add(agentReport({ id: "o1" }));
    const { answer } = await restart(made, "orders");
    expect(answer).toMatchObject({ success: false, instances: [{ outcome: "failed" }] });
    expect(answer.message).toContain("no agent of n1/o1 listens at a control plane");
  });

  test("takes service:write on the service", async () => {
    const made = await createGuardedApi();
    const asked = async (name: string) => (await made.ask(`/api/orchestration/restart/${name}`, "owner", post())).status;
    expect([await asked("orders"), await asked("web")]).toEqual([409, 403]);
  });
});

describe("check-now", () => {
  const found = (level: string, outcome: string, message: string): CommandResult => ({
    ok: true,
    message: "",
    body: { level, results: [{ check: "http", outcome, level, message, responseTimeMs: 7 }] },
  });
  const checkNow = async (made: Api, body: object = {}, token?: string) => {
    const { status, body: answer } = await made.ask("/api/orchestration/health/check-now", token, post(body));
    return { status, answer: answer as CheckNowAnswer };
  };

  test("asks every agent at once, and says what each found", async () => {
    const made = await api("o1", "o2");
    agent(made, "o1", () => found("HEALTHY", "pass", "200 OK"));
    agent(made, "o2", () => found("DEGRADED", "fail", "503"));
    const { answer } = await checkNow(made);
    expect(answer).toMatchObject({ success: true, composite_health: "DEGRADED", silent: [] });
    expect(answer.results["orders"]).toMatchObject({
      service_name: "orders",
      status: "DEGRADED",
      message: "n1/o2: 503",
      response_time_ms: 7,
    });
    expect(answer.results["orders"]?.details.instances["n1/o1"]).toEqual({
      status: "HEALTHY",
      answered: true,
      message: "200 OK",
      checks: [{ check: "http", outcome: "pass", level: "HEALTHY", message: "200 OK", response_time_ms: 7 }],
    });
    // Consul alone knows of the others.
    expect(answer.results["web"]).toMatchObject({ status: "HEALTHY", response_time_ms: null });
    expect(made.audited).toMatchObject([{ kind: "change", detail: { agents: 2, answered: 2 } }]);
  });

  test("is no success when an agent is silent, and says which", async () => {
    const made = await api("o1");
    made.reports.add(agentReport({ id: "o1" }));
    const { answer } = await checkNow(made, { service: "orders" });
    expect(answer.success).toBe(false);
    expect(Object.keys(answer.results)).toEqual(["orders"]);
    expect(answer.results["orders"]?.details.instances["n1/o1"]).toMatchObject({
      answered: false,
      message: "its agent listens at no control plane that answers",
    });
  });

  test("takes no longer than it may, however many agents are silent", async () => {
    const ids = Array.from({ length: 450 }, (_, i) => `o${i}`);
    const made = await api(...ids);
    const told = ids.map((id) => agent(made, id, () => undefined));
    const asked = checkNow(made, { service: "orders", limit_ms: 1_000 });
    await until("the first agents are told", () => told.filter((orders) => orders.length > 0).length === 200);
    await made.clock.advance(1_000);
    const { answer } = await asked;
    expect(answer.success).toBe(false);
    expect(answer.results["orders"]?.details.instances["n1/o449"]).toMatchObject({ message: "its agent has not answered in time" });
    expect(told.flat()).toHaveLength(200);
  });

  test("of all takes service:write on all, of one on that one", async () => {
    const made = await createGuardedApi();
    expect((await checkNow(made, {}, "owner")).status).toBe(403);
    expect((await checkNow(made, { service: "orders" }, "owner")).status).toBe(200);
    expect((await checkNow(made, { service: "web" }, "owner")).status).toBe(403);
  });
});
