/** How a mesh stands is told alike by each of two control planes, whichever its agents report to; and so are orders carried out. */
import { execFile } from "node:child_process";
import { type ControlPlaneProcess, legationCommand, startControlPlane, until } from "@legation/local";
import { describe, expect, it } from "vitest";
import { control, limitMs, load, untilHealthy, useMesh } from "./fixture.js";

interface Services {
  readonly is_ready: boolean;
  readonly services: Readonly<
    Record<string, { readonly status: string; readonly restart_count: number; readonly last_error: string | null }>
  >;
}

interface Service {
  readonly status: string;
  readonly restart_count: number;
  readonly health_history: readonly { readonly timestamp: string; readonly instance: string }[];
  readonly instances: readonly { readonly instance: string; readonly uptime_1h: number | null }[];
}

interface Restart {
  readonly success: boolean;
  readonly status: string;
  readonly restart_count: number;
  readonly message: string;
  readonly instances: readonly { readonly instance: string; readonly outcome: string; readonly message: string }[];
}

interface Checks {
  readonly success: boolean;
  readonly composite_health: string;
  readonly results: Readonly<Record<string, { readonly status: string; readonly message: string }>>;
}

interface WhyNot {
  readonly shut: string | null;
  readonly text: string;
  readonly gates: readonly { readonly gate: string; readonly open: boolean | null }[];
}

const base = "/api/orchestration";
const node = "legation-local";

describe("two control planes, with agents at each", () => {
  const state = useMesh({}, async (mesh) => {
    const { sandbox, consul, controlPlane: one } = mesh;
    const two = await startControlPlane(sandbox, { name: "two", consul: consul.url });
    const health = {
      http: { path: "/health" },
      interval: "500ms",
      timeout: "400ms",
      failureThreshold: 2,
      recoveryThreshold: 1,
      autoRecovery: false,
    };
    const at = (plane: ControlPlaneProcess, more: object = {}) => ({ controlPlanes: [plane], config: { health, ...more } });
    const first = await mesh.startService({ name: "orders", id: "orders-1", ...at(one, { tags: ["critical"] }) });
    const second = await mesh.startService({ name: "orders", id: "orders-2", ...at(two, { tags: ["critical"] }) });
    const web = await mesh.startService({ name: "web", dependencies: ["orders"], ...at(two) });
    await untilHealthy(web, "orders", [first, second]);
    return { one, two, first, second, web };
  });

  const post = async <T>(plane: ControlPlaneProcess, path: string, body: object = {}) => {
    const reply = await fetch(plane.api + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return { status: reply.status, body: (await reply.json()) as T & { readonly code?: string; readonly detail?: string } };
  };
  const legation = (plane: ControlPlaneProcess, ...args: string[]): Promise<{ readonly code: number; readonly out: string }> =>
    new Promise((resolve) => {
      const env = { ...process.env, HOME: "/nonexistent", COLUMNS: "80" };
      execFile(process.execPath, [legationCommand, ...args, "--api", plane.api], { timeout: limitMs, env }, (error, out, err) =>
        resolve({ code: error ? Number(error.code ?? 1) : 0, out: out + err }),
      );
    });

  /** What one of them answers, once the other one answers the same. */
  const agreed = <T>(path: string, is: (body: T) => boolean = () => true): Promise<T> =>
    until(
      async (note) => {
        const { one, two } = state();
        const [here, there] = await Promise.all([one.get<T>(path), two.get<T>(path)]);
        note([here, there]);
        return JSON.stringify(here) === JSON.stringify(there) && is(here) && here;
      },
      { what: `both control planes to answer ${path} alike, as is expected`, limitMs },
    );
  /** Each control plane's first word on an instance, once they agree on the gate. */
  const shutAt = async (id: string, gate: string): Promise<string> =>
    (await agreed<WhyNot>(`/api/why-not/${node}%2F${id}`, ({ shut }) => shut === gate)).text;

  it("answer every question alike", async () => {
    const services = await agreed<Services>(
      `${base}/services`,
      ({ is_ready, services: all }) => is_ready && all["web"]?.status === "running",
    );
    expect(services.services).toMatchObject({
      orders: { status: "running", restart_count: 0, is_critical: true },
      web: { is_critical: false },
    });
    await agreed<{ composite_health: string }>(`${base}/health`, (body) => body.composite_health === "HEALTHY");
    const graph = await agreed<{ startup_order: string[]; visualization: string }>(`${base}/dependencies`);
    expect(graph.startup_order.indexOf("orders")).toBeLessThan(graph.startup_order.indexOf("web"));
    expect(graph.visualization).toContain("│ web\n│   needs orders\n");
    await agreed(`${base}/metrics`, (body: { metrics: { running_services: number } }) => body.metrics.running_services === 2);
    await agreed("/services/health");
    await agreed(
      "/services/stats",
      (body: { circuitBreaker: Record<string, { state: string }> }) => body.circuitBreaker["orders"]?.state === "closed",
    );
    await agreed("/api/instances", (body: { instances: unknown[] }) => body.instances.length >= 3);
    const gates = (await agreed<WhyNot>("/api/why-not/orders-1", ({ shut }) => shut === null)).gates;
    expect(gates.filter(({ open }) => open === false)).toEqual([]);
  });

  it("restart a service by agents of both, one after the other, and lose no request", async () => {
    const { one, two, first, second, web } = state();
    const requests = load(web, "orders", 50);
    const { status, body } = await post<Restart>(one, `${base}/restart/orders`, { force: true, wait_ms: limitMs });
    expect([status, body.success, body.status, body.restart_count]).toEqual([200, true, "running", 2]);
    expect(body.instances.map(({ instance, outcome }) => [instance, outcome])).toEqual([
      [`${node}/orders-1`, "restarted"],
      [`${node}/orders-2`, "restarted"],
    ]);
    await untilHealthy(web, "orders", [first, second]);
    expect((await requests.stop()).failuresByReason).toEqual({});
    await agreed<Services>(`${base}/services`, ({ services }) => services["orders"]?.restart_count === 2);
    const printed = await legation(two, "restart", "orders-1");
    expect([printed.code, printed.out]).toEqual([0, expect.stringMatching(new RegExp(`^${node}/orders-1 +restarted`, "m"))]);
    const wrong = await post<object>(two, `${base}/restart/order`);
    expect([wrong.status, wrong.body.detail]).toEqual([404, expect.stringContaining("Did you mean orders?")]);
    const { entries } = await one.get<{ entries: { action: string }[] }>("/api/audit?kind=change");
    expect(entries.map(({ action }) => action)).toContain("POST /api/orchestration/restart/:name");
  });

  it("have every check look now, and see what it finds", async () => {
    const { two, first } = state();
    const well = await post<Checks>(two, `${base}/health/check-now`);
    expect(well.body).toMatchObject({ success: true, results: { orders: { status: "HEALTHY" }, web: { status: "HEALTHY" } } });
    await control(first, { health: 503 });
    const printed = await legation(two, "check-now", "orders-1");
    expect([printed.code, printed.out]).toEqual([0, expect.stringMatching(/orders-1 +http\S* .* fail/)]);
    await agreed<Services>(`${base}/services`, ({ services }) => services["orders"]?.status === "unhealthy");
    expect(await shutAt("orders-1", "checks")).toContain("503");
    await agreed<{ unhealthy_services: string[] }>(`${base}/health`, ({ unhealthy_services }) => unhealthy_services.includes("orders"));
    await control(first, { health: 200 });
    await agreed<Services>(`${base}/services`, ({ services }) => services["orders"]?.status === "running");
  });

  it("say of an instance that is drained, has crashed or has stopped what it is and why it gets no traffic", async () => {
    const { one, second, web } = state();
    await second.ask("POST", "/v1/drain", { wait: true });
    expect(await shutAt("orders-2", "maintenance")).toContain("undrain");
    const why = await legation(one, "why-not", "orders-2");
    expect([why.code, why.out.split("\n").every((line) => line.length <= 80)]).toEqual([1, true]);
    await second.ask("POST", "/v1/undrain");
    await second.kill9("app");
    await agreed<Services>(
      `${base}/services`,
      ({ services }) => services["orders"]?.status === "backing_off" && services["orders"].last_error !== null,
    );
    expect(await shutAt("orders-2", "process")).toContain("backing_off");
    await agreed<Services>(`${base}/services`, ({ services }) => services["orders"]?.status === "running");
    await web.stop();
    await agreed<Services>(`${base}/services`, ({ services }) => services["web"]?.status === "stopped");
    expect(await shutAt("web-1", "process")).toContain("stopped");
  });

  it("know after a restart what agents have counted and remember, and name a control plane that is silent", async () => {
    const { one, two } = state();
    const before = await agreed<Service>(`${base}/service/orders`, ({ health_history }) => health_history.length > 0);
    await one.restart({ keepState: false });
    // Its agent reports first, and can be asked for its history when its stream is open again.
    const after = await agreed<Service>(
      `${base}/service/orders`,
      ({ status, health_history }) => status === "running" && health_history.some(({ instance }) => instance === `${node}/orders-1`),
    );
    expect(after.restart_count).toBe(before.restart_count);
    expect(after.instances.every(({ uptime_1h }) => uptime_1h !== null)).toBe(true);
    await two.kill9();
    const told = await until(
      async () => {
        const body = await one.get<{ silent: string[] }>(`${base}/services`);
        return body.silent.length > 0 && body;
      },
      { what: "the dead control plane to be named", limitMs },
    );
    expect(told.silent[0]).toContain("refused the connection");
  });
});
