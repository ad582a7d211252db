/** The metrics of a whole mesh as a real Prometheus has them, which finds control planes and agents in Consul: two replicas, agents, Envoys, and faults. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ControlPlaneProcess, startControlPlane, until } from "@legation/local";
import { describe, expect, it } from "vitest";
import { control, limitMs, load, untilUsable, useMesh } from "./fixture.js";
import { compareTable, namesIn, pageOf, usedNames } from "./metrics-page.js";
import { type Prometheus, prometheusHere, promtool, startPrometheus } from "./prometheus-fixture.js";

const policy =
  "apiVersion: legation/v1\nkind: Service\nname: orders\ncircuitBreaker: { failureThreshold: 3, recoveryTimeout: 60s, whenAllFail: fail-fast }\n";

it("has Prometheus in CI, where nothing may be left out", () => {
  expect(process.env["CI"] !== "true" || prometheusHere.length === 1).toBe(true);
});

describe.each(prometheusHere)("Prometheus $version over a mesh", () => {
  const state = useMesh({ consul: { acl: true } }, async (mesh) => {
    const { sandbox, consul, acl } = mesh;
    const policies = sandbox.makeDir("policies");
    writeFileSync(join(policies, "orders.yaml"), policy);
    await mesh.controlPlane.stop();
    const tokens = { tokenFile: (await acl?.tokenFile("control-plane")) ?? "", readToken: (await acl?.token("operator-read")) ?? "" };
    const plane = (name: string) => startControlPlane(sandbox, { ...tokens, consul: consul.url, name, flags: ["--policies", policies] });
    const planes = await Promise.all([plane("two"), plane("three")]);
    const metricsAt: string[] = [];
    const start = async (name: string, id: string, at: ControlPlaneProcess[], dependencies: string[] = []) => {
      const address = `127.0.0.1:${await sandbox.ports.free()}`;
      metricsAt.push(address);
      return mesh.startService({ name, id, controlPlanes: at, dependencies, flags: ["--metrics-addr", address] });
    };
    const [one, other] = planes;
    const orders = [await start("orders", "orders-1", [one, other]), await start("orders", "orders-2", [other, one])];
    const web = await start("web", "web-1", [other, one], ["orders"]);
    await untilUsable(web, "orders", orders);
    const prometheus: Prometheus = await startPrometheus(mesh);
    return { planes, orders, web, policies, metricsAt, prometheus, token: tokens.readToken };
  });

  const answers = (expression: string, wanted: (values: readonly number[]) => boolean) =>
    until(
      async (note) => {
        const values = (await state().prometheus.query(expression)).map(({ value }) => value);
        note(values);
        return wanted(values);
      },
      { what: `Prometheus to answer ${expression}`, limitMs },
    );
  const is = (expression: string, value: number) => answers(expression, (values) => values.length === 1 && values[0] === value);
  const fires = (alert: string, does = true) =>
    until(
      async (note) => {
        const firing = await state().prometheus.firing();
        note(firing);
        return firing.includes(alert) === does;
      },
      { what: `${alert} ${does ? "to fire" : "to be silent"}`, limitMs },
    );

  it("finds both control planes and every agent in Consul, and reads each once", async () => {
    const { prometheus } = state();
    const wanted = [
      "legation-agent/up",
      "legation-agent/up",
      "legation-agent/up",
      "legation-control-plane/up",
      "legation-control-plane/up",
    ];
    await until(
      async (note) => {
        const targets = await prometheus.targets();
        note(targets);
        return targets.toSorted().join() === wanted.join();
      },
      { what: "all targets to be up", limitMs },
    );
  });

  it("has of all replicas together what is there once", async () => {
    await is('service_health:legation_service_instances:max{service="orders",health="healthy"}', 2);
    await is('sum(service_state:legation_service_agents:sum{service="orders",state="running"})', 2);
    await is("legation:legation_xds_streams:sum", 3);
    await is('service:legation_service_agents_silent:max{service="orders"}', 0);
    await is("max(legation_replicas_known)", 2);
    await answers('legation_service_response_time_ms{job="legation-control-plane",service="orders"} > 0', (values) => values.length > 0);
    await is('min(legation_service_health{service="orders"})', 1);
  });

  it("reads pages that promtool finds no fault with, but for the milliseconds that the requirements name", async () => {
    const { planes, metricsAt, token } = state();
    const pages = await Promise.all(
      [...planes.map(({ api }) => `${api}/metrics`), ...metricsAt.map((at) => `http://${at}/metrics`)].map((url) => pageOf(url, token)),
    );
    for (const page of pages) {
      const own = page.only((name) => !name.startsWith("envoy_"));
      const { said } = await promtool(["check", "metrics"], own);
      const faults = said.split("\n").filter((line) => line !== "" && !line.startsWith("legation_service_response_time_ms "));
      expect(faults).toEqual([]);
    }
  });

  it("has every metric in the documentation, word for word, and no others there", async () => {
    const { planes, metricsAt, token } = state();
    const [plane] = planes;
    const pages = {
      "control plane": await pageOf(`${plane.api}/metrics`, token),
      agent: await pageOf(`http://${metricsAt[2]}/metrics`, token),
    };
    const { found, written } = compareTable(pages);
    expect(found).toEqual(written);
  });

  it("answers every query of the rules and the dashboards: no name is of nothing", async () => {
    const { web, planes, metricsAt, token } = state();
    const traffic = load(web, "orders", 20);
    await answers('cluster:envoy_cluster_upstream_rq:rate1m{envoy_cluster_name="orders"} > 1', (values) => values.length === 1);
    await traffic.stop();
    const urls = [...planes.map(({ api }) => `${api}/metrics`), ...metricsAt.map((at) => `http://${at}/metrics`)];
    const known = new Set((await Promise.all(urls.map(async (url) => namesIn(await pageOf(url, token))))).flat());
    const unknown = usedNames().filter(({ name }) => !known.has(name));
    expect(unknown).toEqual([]);
  });

  it("sees an instance fail and come back", async () => {
    const { orders } = state();
    const [first] = orders;
    if (!first) throw new Error("there is no instance");
    await control(first, { health: 500 });
    await is('service_health:legation_service_instances:max{service="orders",health="unhealthy"}', 1);
    await is('max(legation_service_health{job="legation-control-plane",service="orders"})', 0.5);
    await fires("LegationServiceDegraded");
    // The agent restarts it, and the fault is gone with the process.
    await is('service_health:legation_service_instances:max{service="orders",health="healthy"}', 2);
    await fires("LegationServiceDegraded", false);
  });

  it("sees a restart once, whichever replica is told of it", async () => {
    const { orders, prometheus } = state();
    const [, second] = orders;
    if (!second) throw new Error("there is no instance");
    const [before] = await prometheus.query('sum(legation_agent_restarts_total{service="orders"})');
    const after = (before?.value ?? 0) + 1;
    await second.kill9("app");
    await is('sum(legation_agent_restarts_total{service="orders"})', after);
    await is('sum(legation_service_restarts_total{service="orders"})', after);
    await is('service_health:legation_service_instances:max{service="orders",health="healthy"}', 2);
  });

  it("sees a breaker open, at every replica alike", async () => {
    const { orders, web } = state();
    const traffic = load(web, "orders", 50);
    for (const instance of orders) await control(instance, { status: 500 });
    await answers('legation_circuit_breaker_state{service="orders"}', (values) => values.join() === "2,2");
    await fires("LegationBreakerOpen");
    await fires("LegationInstanceEjected");
    await is('sum(legation_agent_breakers{service="web",state="open"})', 2);
    await traffic.stop();
    for (const instance of orders) await control(instance, { status: 200 });
  });

  it("sees policies that are refused", async () => {
    const { policies } = state();
    const path = join(policies, "orders.yaml");
    writeFileSync(path, policy.replace("60s", "sixty"));
    await answers("legation_policies_refused", (values) => values.join() === "1,1");
    await fires("LegationPolicyRefused");
    writeFileSync(path, policy);
    await fires("LegationPolicyRefused", false);
  });

  it("forgets a service that is gone", async () => {
    const { web } = state();
    await web.stop();
    await answers('legation_service_health{job="legation-control-plane",service="web"}', (values) => values.length === 0);
  });
});
