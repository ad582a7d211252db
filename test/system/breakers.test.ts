/** Circuit breakers as a caller's Envoy has them: at the agent, in the API, in the metrics, and among the changes, by instance and by service. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { httpSender, type ServiceProcess, startControlPlane, startLoad, until } from "@legation/local";
import { describe, expect, it } from "vitest";
import { limitMs, load, untilUsable, useMesh } from "./fixture.js";

interface Breaker {
  readonly state: string;
  readonly callers: number;
  readonly by: readonly { readonly caller: string; readonly cause: string }[];
}

interface Orders {
  readonly breaker: Breaker;
  readonly instances: readonly { readonly id: string; readonly breaker: Breaker }[];
}

/** Short times, so that an instance is soon back, and a limit that one slow instance reaches. */
const policy = `apiVersion: legation/v1
kind: Service
name: orders
circuitBreaker: { failureThreshold: 3, recoveryTimeout: 6s, successThreshold: 4 }
limits: { requests: 20, pendingRequests: 20 }
`;

describe("circuit breakers", () => {
  const state = useMesh({}, async (mesh) => {
    const policies = mesh.sandbox.makeDir("policies");
    writeFileSync(join(policies, "orders.yaml"), policy);
    await mesh.controlPlane.stop();
    const plane = await startControlPlane(mesh.sandbox, { consul: mesh.consul.url, name: "two", flags: ["--policies", policies] });
    const orders: ServiceProcess[] = [];
    for (const id of ["orders-1", "orders-2", "orders-3"])
      orders.push(await mesh.startService({ name: "orders", id, controlPlanes: [plane] }));
    const web = await mesh.startService({ name: "web", dependencies: ["orders"], controlPlanes: [plane] });
    await untilUsable(web, "orders", orders);
    return { plane, orders, web };
  });

  const control = (instance: ServiceProcess | undefined, said: object) =>
    fetch(`${instance?.app}/control`, { method: "PUT", body: JSON.stringify(said) });
  const seen = (what: string, holds: (orders: Orders) => boolean) =>
    until(
      async (note) => {
        const found = await state().plane.get<Orders>("/services/orders");
        note([found.breaker, ...found.instances.map(({ id, breaker }) => [id, breaker])]);
        return holds(found) ? found : undefined;
      },
      { what, limitMs },
    );
  const ofInstance = (orders: Orders, id: string) => orders.instances.find((one) => one.id === id)?.breaker;
  const events = async () =>
    (await state().plane.get<{ events: { type: string; instance?: string }[] }>("/api/events?type=breaker")).events.map(
      ({ type, instance = "" }) => `${type} ${instance.replace(/.*\//, "")}`.trim(),
    );
  const metric = async () =>
    Number(/legation_circuit_breaker_state{service="orders"} (\d)/.exec(await (await fetch(`${state().plane.api}/metrics`)).text())?.[1]);

  it("are closed while all goes well", async () => {
    const { plane } = state();
    const found = await plane.get<Orders>("/services/orders");
    expect([found.breaker.state, ...found.instances.map(({ breaker }) => breaker.state)]).toEqual(["closed", "closed", "closed", "closed"]);
    expect(await metric()).toBe(0);
  });

  it("are open for an instance that is ejected, half-open when it is back, and closed after its successes", async () => {
    const { orders, web } = state();
    const traffic = load(web, "orders", 50);
    await control(orders[0], { status: 500 });
    const open = await seen("orders-1 to be open", (found) => ofInstance(found, "orders-1")?.state === "open");
    expect(ofInstance(open, "orders-1")).toMatchObject({ callers: 1, by: [{ cause: "consecutive 5xx" }] });
    expect(ofInstance(open, "orders-1")?.by[0]?.caller).toMatch(/\/web-1$/);
    expect([open.breaker.state, ofInstance(open, "orders-2")?.state]).toEqual(["closed", "closed"]);
    await control(orders[0], { status: 200 });
    await seen("orders-1 to be closed again", (found) => ofInstance(found, "orders-1")?.state === "closed");
    await traffic.stop();
    expect(await events()).toEqual(["breaker.opened orders-1", "breaker.half-opened orders-1", "breaker.closed orders-1"]);
    const { body } = await web.ask<{ events: { event: string; message: string; at: string }[] }>("GET", "/events");
    const told = body.events.filter(({ event }) => event.startsWith("breaker."));
    expect(
      told.map(({ event }) => event),
      JSON.stringify([told, await events()]),
    ).toEqual(["breaker.opened", "breaker.half-open", "breaker.closed"]);
  });

  it("are open for the service while a limit is exceeded", async () => {
    const { orders, web } = state();
    for (const one of orders) await control(one, { delayMs: 1_000 });
    const slow = startLoad({ sender: httpSender({ url: `${web.outbound}/`, headers: { host: "orders" } }), rate: 60 });
    const limited = await seen("the limit to be exceeded", (found) => found.breaker.state === "open");
    expect(limited.breaker.by[0]?.cause).toMatch(/^the limit of .*requests/);
    expect(await metric()).toBe(2);
    await slow.stop();
    for (const one of orders) await control(one, { delayMs: 0 });
    await seen("the limit to be kept again", (found) => found.breaker.state === "closed");
  });

  it("are forgotten with the caller that had them", async () => {
    const { orders, web } = state();
    const traffic = load(web, "orders", 50);
    await control(orders[1], { status: 500 });
    await seen("orders-2 to be open", (found) => ofInstance(found, "orders-2")?.state === "open");
    await traffic.stop();
    await web.stop();
    await seen("orders-2 to be closed, since nobody calls it", (found) => ofInstance(found, "orders-2")?.state === "closed");
    expect(await metric()).toBe(0);
  });
});
