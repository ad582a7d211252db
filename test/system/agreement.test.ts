/** One truth: every answer of the API is the same at both of two control planes, and the same as the command line's, Consul's and Envoy's. */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ControlPlaneProcess, legationCommand, startControlPlane, until } from "@legation/local";
import { describe, expect, test, vi } from "vitest";
import { control, type HealthRow, inboundOf, limitMs, untilUsable, useMesh } from "./fixture.js";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 240_000 });

/** Without certificates, which are not the subject; and what is ill stays ill. */
const health = { http: { path: "/health" }, interval: "1s", timeout: "1s", failureThreshold: 2, recoveryThreshold: 1, autoRecovery: false };
const plain = { config: { identity: { certificates: "off" }, health } };
const policy = "apiVersion: legation/v1\nkind: Service\nname: orders\ntimeouts: { request: 7s }\n";

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}
interface Operation {
  readonly tags?: readonly string[];
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[];
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, unknown>> }>>;
}
interface Instance {
  readonly node: string;
  readonly id: string;
  readonly meshAddress: string;
  readonly health: string;
}

/** What tells of one control plane alone, and by its purpose: not of the mesh. */
const ownPaths = ["/health", "/metrics", "/api/openapi.json"];
/** What the next moment changes. */
const moving =
  /^(uptime.*|age|configAge.*|.*[aA]ge(Seconds|Ms)?|time|requests|resourcesSent|connections|answering|timestamp|.*_ms|.*Ms|last_check|lastCheck|reportedAt|lastAnswer|streams|load|seen|replica|problems)$/;

describe("two control planes with faults in their mesh", () => {
  const scene = useMesh({}, async (mesh) => {
    const { sandbox, consul } = mesh;
    const two = await startControlPlane(sandbox, { consul: consul.url, name: "two" });
    const planes = [mesh.controlPlane, two] as const;
    const start = (name: string, id: string, plane: number, more: object = {}) =>
      mesh.startService({ name, id, controlPlanes: [planes[plane] ?? two], ...plain, ...more });
    const foreign = { Name: "ledger", ID: "ledger-1", Address: "127.0.0.1", Port: 9 };
    await fetch(`${consul.url}/v1/agent/service/register`, { method: "PUT", body: JSON.stringify(foreign) });
    const orders = await start("orders", "orders-1", 0);
    const ill = await start("orders", "orders-2", 1);
    const drained = await start("orders", "orders-3", 1);
    const web = await start("web", "web-1", 0, { dependencies: ["orders", "ledger"] });
    const shop = await start("shop", "shop-1", 1, { dependencies: ["orders"] });
    await untilUsable(web, "orders", [orders, ill, drained]);
    await control(ill, { health: 503 });
    await drained.ask("POST", "/v1/drain", { wait: true });
    const file = join(sandbox.makeDir("policies"), "orders.yaml");
    writeFileSync(file, policy);
    const applied = await legation(two, "policy", "apply", "-f", file);
    if (applied.code !== 0) throw new Error(applied.out + applied.err);
    for (const caller of [web, shop]) await untilUsable(caller, "orders", [orders]);
    return { two, planes, orders, ill, drained, web, shop };
  });

  const both = async <T>(path: string): Promise<readonly [T, T]> => {
    const [one, two] = scene().planes;
    return [await one.get<T>(path), await two.get<T>(path)];
  };

  /** What stands for the parameters of a path. */
  const filled = (path: string): string => {
    const values: Readonly<Record<string, string>> = {
      name: path.includes("/policies/") ? "orders" : "orders",
      kind: "Service",
      node: scene().mesh.consul.node,
      id: "orders-2",
      instance: encodeURIComponent(`${scene().mesh.consul.node}/orders-2`),
    };
    return path.replace(/\{(\w+)\}/g, (_, name: string) => {
      const value = values[name];
      if (value === undefined) throw new Error(`${path}: say here what stands for {${name}}`);
      return value;
    });
  };

  test("every listing of the API is one at both", async () => {
    const [document] = await both<OpenApi>("/api/openapi.json");
    const paths = Object.entries(document.paths).filter(([path, { get }]) => {
      if (!get || ownPaths.includes(path) || get.tags?.includes("channel")) return false;
      const json = Object.values(get.responses).some(({ content = {} }) => "application/json" in content);
      return json && !get.parameters?.some((parameter) => parameter.in === "query" && parameter.required);
    });
    expect(paths.length).toBeGreaterThan(20);
    const unlike: string[] = [];
    for (const [path] of paths) {
      const asked = filled(path);
      const answers: string[] = [];
      try {
        await until(
          async () => {
            const all = await Promise.all(
              scene().planes.map(async ({ api }) => {
                const answer = await fetch(api + asked, { signal: AbortSignal.timeout(limitMs) });
                return `${answer.status} ${JSON.stringify(still(await answer.json()))}`;
              }),
            );
            answers.splice(0, answers.length, ...all);
            return answers[0] === answers[1];
          },
          { what: `${asked} to be one`, limitMs: 15_000 },
        );
      } catch {
        unlike.push(`${asked}\n  ${difference(answers)}`);
      }
    }
    expect(unlike).toEqual([]);
  });

  test.each([
    ["services", "/services"],
    ["instances", "/api/instances"],
    ["proxies", "/api/proxies"],
    ["agents", "/api/agents"],
    ["graph", "/api/graph"],
    ["ledger", "/api/ledger"],
    ["events", "/api/events"],
    ["audit", "/api/audit"],
    ["intentions", "/api/intentions"],
    ["status", "/api/replicas"],
  ])("legation %s says with --json what %s says", async (command, path) => {
    const [one] = scene().planes;
    await until(
      async (note) => {
        const said = await legation(one, command, "--json");
        const answered = await one.get<unknown>(path);
        note(said.err || said.out.slice(0, 500));
        return (
          said.out !== "" && JSON.stringify(still(withoutConsul(JSON.parse(said.out)))) === JSON.stringify(still(withoutConsul(answered)))
        );
      },
      { what: `legation ${command} to say what ${path} says`, limitMs: 30_000 },
    );
  });

  test("what the API says of endpoints is what Consul and the Envoys say", async () => {
    const { mesh, web, shop, orders, ill, drained } = scene();
    const wanted = { [orders.id]: "HEALTHY", [ill.id]: "UNHEALTHY", [drained.id]: "DRAINING" };
    for (const { instances } of await both<{ readonly instances: readonly Instance[] }>("/services/orders"))
      expect(Object.fromEntries(instances.map(({ id, health }) => [id, health]))).toEqual(wanted);
    const rows = await mesh.consul.get<readonly HealthRow[]>("/v1/health/service/orders");
    expect(Object.fromEntries(rows.map((row) => [row.Service.ID, consulHealth(row)]))).toEqual(wanted);
    const addresses = { [inboundOf(orders)]: "HEALTHY", [inboundOf(ill)]: "UNHEALTHY", [inboundOf(drained)]: "DRAINING" };
    for (const caller of [web, shop]) {
      const endpoints = (await caller.envoy.clusters()).get("orders") ?? [];
      expect(Object.fromEntries(endpoints.map(({ address, health }) => [address, health]))).toEqual(addresses);
    }
  });
});

function consulHealth({ Checks }: HealthRow): string {
  if (Checks.some(({ CheckID }) => CheckID.startsWith("_service_maintenance"))) return "DRAINING";
  return Checks.some(({ Status }) => Status === "critical") ? "UNHEALTHY" : "HEALTHY";
}

/** Without what moves from moment to moment, and with lists of objects in one order. */
function still(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map(still);
    return items.every((item) => typeof item === "object") ? items.map((item) => JSON.stringify(item)).sort() : items;
  }
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => !moving.test(key));
  return Object.fromEntries(kept.sort(([one], [other]) => (one < other ? -1 : 1)).map(([key, inner]) => [key, still(inner)]));
}

/** The command leaves out Consul's own service. */
function withoutConsul(value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("services" in value)) return value;
  const { services, ...rest } = value as { services: unknown; total?: number };
  if (typeof services !== "object" || services === null || Array.isArray(services)) return value;
  const { total: _, ...others } = rest;
  return { ...others, services: Object.fromEntries(Object.entries(services).filter(([name]) => name !== "consul")) };
}

function difference([one = "", other = ""]: readonly string[]): string {
  let at = 0;
  while (at < one.length && one[at] === other[at]) at++;
  const around = (text: string): string => text.slice(Math.max(0, at - 80), at + 80);
  return `${around(one)}\n  ${around(other)}`;
}

function legation(
  plane: ControlPlaneProcess,
  ...args: string[]
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const all = [legationCommand, ...args, "--api", plane.api];
  return new Promise((resolve) =>
    execFile(process.execPath, all, { timeout: limitMs, maxBuffer: 64 * 1024 * 1024 }, (error, out, err) =>
      resolve({ code: error ? Number(error.code ?? 1) : 0, out, err }),
    ),
  );
}
