/** Every proxy, agent and call of a mesh is told of at each of two control planes, by the API and by the command line alike. */
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ControlPlaneProcess, legationCommand, type Mesh, startControlPlane, until } from "@legation/local";
import { describe, expect, it } from "vitest";
import { limitMs, untilUsable, useMesh } from "./fixture.js";

interface Proxy {
  readonly node: string;
  readonly state: string;
  readonly reason: string;
  readonly replica: string | null;
  readonly envoy: string | null;
  readonly connected: boolean;
  readonly behindMs: number | null;
}

interface Proxies {
  readonly connected: number;
  readonly proxies: readonly Proxy[];
  readonly silent: readonly string[];
}

interface Drift {
  readonly node: string;
  readonly state: string;
  readonly reason: string;
  readonly compared: number;
}

const policies = `apiVersion: legation/v1
kind: Route
name: stray
service: orders
rules: [{ match: { path: { prefix: /stray } }, to: [{ service: stray }] }]
`;
const refused = "apiVersion: legation/v1\nkind: Service\nname: web\naccessLog: { path: /nowhere/at/all.log }\n";

/** Takes orders-1 out of service in Consul, or puts it back. */
async function maintain(mesh: Mesh, enable: boolean): Promise<void> {
  const url = `${mesh.consul.url}/v1/agent/service/maintenance/orders-1?enable=${enable}&reason=test`;
  expect((await fetch(url, { method: "PUT" })).status).toBe(200);
}

describe("two control planes, with proxies at each", () => {
  const state = useMesh({}, async (mesh) => {
    const { sandbox, consul, controlPlane: one } = mesh;
    const two = await startControlPlane(sandbox, { name: "two", consul: consul.url });
    const at = (plane: ControlPlaneProcess) => ({ controlPlanes: [plane] });
    const [orders, stray, web] = await Promise.all([
      mesh.startService({ name: "orders", ...at(one) }),
      mesh.startService({ name: "stray", ...at(one) }),
      mesh.startService({ name: "web", dependencies: ["orders"], config: { drain: { limit: "3s" } }, ...at(two) }),
    ]);
    await untilUsable(web, "orders", [orders]);
    return { one, two, orders, stray, web, dir: sandbox.makeDir("policies") };
  });

  const legation = (plane: ControlPlaneProcess, ...args: string[]): Promise<{ readonly code: number; readonly out: string }> =>
    new Promise((resolve) => {
      const command = [legationCommand, ...args, "--api", plane.api];
      execFile(process.execPath, command, { timeout: limitMs, env: { ...process.env, COLUMNS: "160" } }, (error, out, err) =>
        resolve({ code: error ? Number(error.code ?? 1) : 0, out: out + err }),
      );
    });
  const addressOf = (plane: ControlPlaneProcess) => plane.api.replace("http://", "");
  const list = (plane: ControlPlaneProcess) => plane.get<Proxies>("/api/proxies");
  const driftOf = (plane: ControlPlaneProcess, id: string) => plane.get<Drift>(`/api/proxies/legation-local/${id}/drift`);
  const proxyOf = async (plane: ControlPlaneProcess, id: string) =>
    (await list(plane)).proxies.find(({ node }) => node === `legation-local/${id}`);
  const apply = async (name: string, text: string): Promise<string> => {
    const file = join(state().dir, name);
    writeFileSync(file, text);
    return (await legation(state().one, "policy", "apply", "-f", file)).out;
  };
  const request = (path: string) =>
    new Promise<void>((resolve, reject) => {
      execFile("curl", ["-s", "-f", "-m", "5", "-H", "host: orders", `${state().web.outbound}${path}`], (error) =>
        error ? reject(error) : resolve(),
      );
    });

  it("each lists all proxies and agents, and the command line says the same", async () => {
    const { one, two } = state();
    for (const plane of [one, two]) {
      const told = await until(
        async (note) => {
          const now = await list(plane);
          note(now);
          return now.proxies.every((proxy) => proxy.state === "up-to-date") && now.connected === 3 && now;
        },
        { what: "all proxies to be up to date", limitMs },
      );
      expect(told.silent).toEqual([]);
      expect(told.proxies.map(({ node, replica }) => [node, replica])).toEqual([
        ["legation-local/orders-1", addressOf(one)],
        ["legation-local/stray-1", addressOf(one)],
        ["legation-local/web-1", addressOf(two)],
      ]);
      const printed = await legation(plane, "proxies");
      expect(printed.code).toBe(0);
      for (const { node, envoy, replica } of told.proxies)
        expect(printed.out).toMatch(new RegExp(`^${node} +\\S+ +${envoy} +${replica} +(\\d+) of \\1 +up-to-date$`, "m"));
      const json = JSON.parse((await legation(plane, "proxies", "--json")).out) as Proxies;
      expect(json.proxies.map(({ node }) => node)).toEqual(told.proxies.map(({ node }) => node));
      const { agents } = await plane.get<{ agents: { id: string; replica: string; envoy: { phase: string; version: string } }[] }>(
        "/api/agents",
      );
      expect(agents.map(({ id, replica, envoy }) => [id, replica, envoy.phase])).toEqual([
        ["orders-1", addressOf(one), "live"],
        ["stray-1", addressOf(one), "live"],
        ["web-1", addressOf(two), "live"],
      ]);
      expect((await legation(plane, "agents")).out).toMatch(/^legation-local\/web-1 +running +\S+ live/m);
    }
  });

  it("no Envoy of a healthy mesh holds anything else than it was sent, after a hot restart neither", async () => {
    const { one, two, web } = state();
    const unchanged = async (plane: ControlPlaneProcess) => {
      const { code, out } = await legation(plane, "proxies", "--drift", "--json");
      const { proxies } = JSON.parse(out) as { proxies: Drift[] };
      expect(proxies.map(({ node, state: drift, reason }) => [node, drift, reason])).toEqual(
        proxies.map(({ node, compared }) => [node, "none", `Envoy holds the ${compared} resources that it was sent`]),
      );
      expect([code, proxies.length]).toEqual([0, 3]);
      expect(Math.min(...proxies.map(({ compared }) => compared))).toBeGreaterThan(5);
    };
    await unchanged(one);
    await unchanged(two);
    const before = (await web.pids()).envoy;
    writeFileSync(web.configFile, readFileSync(web.configFile, "utf8").replace('["orders"]', '["orders","cache?"]'));
    process.kill((await web.pids()).agent, "SIGHUP");
    await until(async () => (await web.pids()).envoy !== before, { what: "another Envoy of web", limitMs });
    // The one before still drains, under the same name.
    expect((await one.get<{ proxy: { streams: number } }>("/api/proxies/legation-local/web-1")).proxy.streams).toBe(2);
    expect(await driftOf(one, "web-1")).toMatchObject({ state: "none", streams: 2 });
  });

  it("calls are told apart: declared and made, declared and not made, made and not declared", async () => {
    const { one, two } = state();
    expect(await apply("route.yaml", policies)).toContain("Live on 3 of 3 proxies");
    for (const path of ["/", "/stray", "/"]) await request(path);
    for (const plane of [one, two]) {
      const { edges } = await until(
        async (note) => {
          const graph = await plane.get<{ edges: { from: string; to: string; calls: number | null }[] }>("/api/graph");
          note(graph);
          return graph.edges.length === 3 && graph.edges.reduce((sum, { calls }) => sum + (calls ?? 0), 0) === 3 && graph;
        },
        { what: "the calls to be reported", limitMs },
      );
      expect(edges).toEqual([
        { from: "web", to: "cache", kind: "declared", declared: "optional", calls: 0 },
        { from: "web", to: "orders", kind: "both", declared: "required", calls: 2 },
        { from: "web", to: "stray", kind: "undeclared", declared: null, calls: 1 },
      ]);
      expect((await legation(plane, "graph")).out).toContain(
        "web  needs orders; uses cache (not registered, not called); calls undeclared stray\n",
      );
      expect((await legation(plane, "graph", "--format", "dot")).out).toContain('"web" -> "stray" [color=red');
    }
  });

  it("an Envoy that is paused while something changes is behind, and does not answer for what it holds", async () => {
    const { mesh, one, web } = state();
    const { envoy } = await web.pids();
    process.kill(envoy, "SIGSTOP");
    try {
      await maintain(mesh, true);
      const late = await until(
        async (note) => {
          const proxy = await proxyOf(one, "web-1");
          note(proxy);
          return proxy?.state === "behind" && proxy;
        },
        { what: "web's proxy to be behind", limitMs },
      );
      expect(late.reason).toMatch(/^it has not acknowledged 1 resources \(endpoints\) for \d/);
      const drift = await driftOf(one, "web-1");
      expect(drift).toMatchObject({ state: "unknown", reason: expect.stringContaining("Envoy does not answer its admin port") });
    } finally {
      process.kill(envoy, "SIGCONT");
    }
    await maintain(mesh, false);
    await until(async () => (await proxyOf(one, "web-1"))?.state === "up-to-date", { what: "web's proxy to catch up", limitMs });
    expect(await driftOf(one, "web-1")).toMatchObject({ state: "none" });
  });

  it("what a proxy refused is told at both with the policy's path", async () => {
    const { one, two } = state();
    await apply("refused.yaml", refused);
    for (const plane of [one, two]) {
      const proxy = await until(
        async (note) => {
          const now = await proxyOf(plane, "web-1");
          note(now);
          return now !== undefined && ["refused", "quarantined"].includes(now.state) && now;
        },
        { what: "the refusal to be told", limitMs },
      );
      expect(proxy.reason).toContain("Service/web: accessLog.path");
      expect((await legation(plane, "proxies")).out).toContain("Service/web: accessLog.path");
    }
    // It holds the last good version, which is what it was sent.
    expect(await driftOf(two, "web-1")).toMatchObject({ state: "none" });
  });

  it("while a control plane is silent it is named, and what is connected there is called neither absent nor connected", async () => {
    const { one, two } = state();
    await two.freeze();
    try {
      const { silent, proxies } = await list(one);
      expect(silent.join()).toContain(addressOf(two));
      const web = proxies.find(({ node }) => node.endsWith("/web-1"));
      expect(web).toMatchObject({ state: "unknown", connected: false });
      expect(web?.reason).toContain(addressOf(two));
    } finally {
      two.thaw();
    }
  });

  it("a proxy that should be connected and is not is named", async () => {
    const { one, two, stray } = state();
    await stray.kill9("all");
    for (const plane of [one, two]) {
      const absent = await until(
        async (note) => {
          const now = await list(plane);
          note(now);
          return now.silent.length === 0 && now.proxies.find(({ node, state: how }) => node.endsWith("/stray-1") && how === "absent");
        },
        { what: "stray's proxy to be missed", limitMs },
      );
      expect(absent.reason).toContain("it is not connected");
      expect((await legation(plane, "proxies", "--state", "absent")).out).toMatch(/^legation-local\/stray-1 .*absent$/m);
    }
  });
});
