import { type PolicyDocument, policySet } from "@legation/mesh/policy";
import { createTestClock } from "@legation/runtime/testing";
import { expect, test } from "vitest";
import type { ConnectedProxy } from "../reconcile/nodes.js";
import { serviceOf } from "../testing/catalog.js";
import { sidecarOf } from "../testing/sidecar.js";
import { createPlanner } from "./plan.js";

const proxy = (service: string, id: string, ...dependencies: string[]): ConnectedProxy => {
  const metadata = sidecarOf(service, dependencies);
  return { node: `n1/${id}`, metadata, place: { region: "", zone: "" }, clusters: dependencies };
};

const documents = (...all: PolicyDocument[]) => policySet(all).documents;
const limited = (connections: number): PolicyDocument => ({
  ...{ apiVersion: "legation/v1", kind: "Service", name: "orders" },
  limits: { connections },
});

function scene(ask: (path: string, body: unknown) => Promise<unknown> = () => Promise.reject(new Error("refused the connection"))) {
  const connected = [proxy("web", "web-1", "orders"), proxy("web", "web-2", "orders"), proxy("batch", "batch-1", "stock")];
  return createPlanner({
    mesh: { services: () => [serviceOf("orders", "o1"), serviceOf("stock", "s1")], trust: () => undefined, intentions: () => undefined },
    connected: () => connected,
    others: () => (ask.length > 0 ? [{ replica: "b", address: "10.0.0.2:8080", tls: false }] : []),
    ask: (_to, path, body) => ask(path, body),
    clock: createTestClock(),
  });
}

const nothing = { requests: [] } as const;
const never = new AbortController().signal;

test("each distinct difference is told once, with the proxies that it is for", async () => {
  const plan = await scene().own({ ...nothing, before: documents(), after: documents(limited(7)) }, never);
  expect(plan).toMatchObject({ proxies: 3, changed: 2 });
  expect(plan.resources).toMatchObject([
    {
      ...{ type: "cluster", name: "orders", proxies: ["n1/web-1", "n1/web-2"] },
      before: { name: "orders" },
      after: { circuitBreakers: { thresholds: [{ maxConnections: 7 }] } },
    },
  ]);
  expect(plan.changedProxies.map(({ node, service }) => `${node} ${service}`)).toEqual(["n1/web-1 web", "n1/web-2 web"]);
});

test("what changes no proxy is no change, whether no proxy calls the service or the documents say the same", async () => {
  const other: PolicyDocument = { apiVersion: "legation/v1", kind: "Service", name: "nobody", limits: { connections: 1 } };
  const planner = scene();
  for (const [before, after] of [
    [documents(), documents(other)],
    [documents(limited(7)), documents(limited(7))],
  ] as const)
    expect(await planner.own({ ...nothing, before, after }, never)).toMatchObject({ proxies: 3, changed: 0, resources: [] });
});

test("all replicas are asked, what they say is put together, and those that do not answer are named", async () => {
  const planned = { ...nothing, before: documents(), after: documents(limited(7)) };
  const theirs = { ...(await scene().own(planned, never)), proxies: 5, changed: 1, changedProxies: [] };
  const resources = theirs.resources.map((change) => ({ ...change, proxies: ["n2/web-9"] }));
  const asked: unknown[] = [];
  const answering = scene(async (path, body) => {
    asked.push([path, body]);
    return { ...theirs, resources };
  });
  const plan = await answering.everywhere(planned, { documents: [] }, never);
  expect(asked).toEqual([["/api/policies/plan", { documents: [], relayed: true }]]);
  expect(plan).toMatchObject({ proxies: 8, changed: 3, replicas: 2, silent: [] });
  expect(plan.resources).toMatchObject([{ proxies: ["n1/web-1", "n1/web-2", "n2/web-9"] }]);
  const silent = scene(async (_path, _body) => Promise.reject(new Error("refused the connection")));
  expect(await silent.everywhere(planned, {}, never)).toMatchObject({
    proxies: 3,
    replicas: 1,
    silent: ["10.0.0.2:8080 refused the connection"],
  });
});

test("plans take turns; one too many is refused, and one that nobody waits for any more is not made", async () => {
  const planner = scene();
  const planned = { ...nothing, before: documents(), after: documents(limited(7)) };
  const left = new AbortController();
  const asked = [never, left.signal, never, never, never].map((signal) => planner.own(planned, signal));
  const tooMany = planner.own(planned, never);
  left.abort(new Error("nobody waits"));
  await expect(tooMany).rejects.toMatchObject({ code: "policy.busy" });
  const states = (await Promise.allSettled(asked)).map((one) => (one.status === "fulfilled" ? one.value.changed : String(one.reason)));
  expect(states).toEqual([2, "Error: nobody waits", 2, 2, 2]);
  expect(await planner.own(planned, never)).toMatchObject({ changed: 2 });
});
