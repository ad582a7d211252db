import type { Explanation, FlagExplanation } from "@legation/contract/api";
import { createTestClock } from "@legation/runtime/testing";
import { describe, expect, it } from "vitest";
import { createFigureBook } from "../figures/book.js";
import { serviceOf } from "../testing/catalog.js";
import { explaining } from "../testing/explaining.js";
import { createGuardedApi } from "../testing/guarded-api.js";

const never = new AbortController().signal;
const all = async (services: readonly string[]) => new Set(services);
const get = (url: string) => ({ method: "GET", url, headers: {} });

/** `web` with two dependencies; its agent has told of breakers. */
function callerWith(dependencies: string, documents: Parameters<typeof explaining>[0]["documents"] = []) {
  const clock = createTestClock();
  const web = serviceOf("web", "w1");
  const registry = [
    serviceOf("orders", "o1"),
    serviceOf("secret", "s1"),
    { ...web, instances: web.instances.map((one) => ({ ...one, meta: { "legation-dep-0": dependencies } })) },
  ];
  const book = createFigureBook(clock, () => undefined);
  return { clock, registry, book, documents, instance: `${web.instances[0]?.node}/w1` };
}

describe("the explanation of a request", () => {
  it("is for who may read the caller and the called alone, and names the missing rules", async () => {
    const { ask } = await createGuardedApi();
    const url = "/api/explain?url=http://orders/x&from=web";
    expect(await ask(url, "owner")).toMatchObject({ status: 403, body: { missing: expect.stringContaining('service "web"') } });
    const read = await ask(url, "reader");
    expect(read).toMatchObject({ status: 200, body: { caller: { service: "web" }, silent: [], otherCallers: [] } });
    expect((await ask(url, "operator")).body).toEqual(read.body);
  });

  it.each([
    ["/api/explain?url=ftp://x&from=web", 400, "explain.bad-url"],
    ["/api/explain?url=http://orders/", 400, "api.bad-request"],
    ["/api/explain?url=http://orders/&from=nobody", 404, "explain.unknown-caller"],
    ["/api/explain/flags?flag=XX", 400, "explain.unknown-flag"],
    ["/api/explain/flags?log=hello", 400, "explain.bad-line"],
    ["/api/explain/flags", 400, "api.bad-request"],
  ])("is refused for %s", async (url, status, code) => {
    const { ask } = await createGuardedApi();
    expect(await ask(url, "operator")).toMatchObject({ status, body: { code } });
  });

  it("leaves out the instances of services that may not be read, with words, in the flags' causes too", async () => {
    const rules = [
      {
        to: [
          { service: "orders", weight: 50 },
          { service: "secret", weight: 50 },
        ],
      },
    ];
    const o = callerWith("orders", [{ apiVersion: "legation/v1", kind: "Route", name: "r", service: "orders", rules }]);
    const { explainer } = explaining(o);
    const told: Explanation = await explainer.request("web", get("http://orders/"), async () => new Set(["orders", "web"]), never);
    expect(told.summary).toMatch(/o1 or an instance of secret answers/);
    expect(JSON.stringify(told)).not.toContain("s1");
    expect(told.ways.find(({ service }) => service === "secret")).toMatchObject({
      share: 0.5,
      endpoints: [],
      text: expect.stringContaining("service:read on secret"),
    });
  });

  it("tells of the caller's own ejections and limits, and of what other control planes' callers would get", async () => {
    const o = callerWith("orders");
    const address = "10.0.0.1:80";
    const orders = serviceOf("orders", "o1").instances[0];
    const at = `${orders?.mesh?.address ?? orders?.address}:${orders?.mesh?.port ?? orders?.port}`;
    const breaker = (more: object) => ({
      service: "orders",
      state: "open" as const,
      cause: "the limit of requests",
      since: "2026-01-01T00:00:00Z",
      ...more,
    });
    o.book.merge([
      {
        node: "far",
        id: "w2",
        service: "web",
        stamp: 1,
        age: 0,
        breakers: [breaker({}), breaker({ address: at, cause: "consecutive 5xx" })],
      },
    ]);
    const node = { api: 1, service: "web", inbound: address, app: address, dependencies: ["orders"] };
    const answers = [{ replica: "b", address: "b:8080", value: undefined }];
    const gather: Parameters<typeof explaining>[0]["gather"] = async ({ read }) => ({
      answers: answers.map((one) => ({
        ...one,
        value: read([{ instance: "far/w2", node, region: "", zone: "z", notes: ["far/w2 refused orders"] }]),
      })),
      silent: ["c:8080 refused the connection"],
    });
    const { explainer } = explaining({ ...o, gather });
    const told = await explainer.request("web", get("http://orders/"), all, never);
    expect(told.caller.instance).toBe("far/w2");
    expect(told.ways[0]?.endpoints[0]).toMatchObject({
      state: "panic",
      reason: expect.stringMatching(/ejected by far\/w2 .* consecutive 5xx/),
      until: "2026-01-01T00:01:00.000Z",
    });
    expect(told.notes).toEqual(
      expect.arrayContaining([expect.stringMatching(/exceeds the limit of requests towards orders/), "far/w2 refused orders"]),
    );
    expect(told.otherCallers).toEqual([{ instance: o.instance, zone: "", summary: expect.stringMatching(/o1 answers/) }]);
    expect(told.silent).toEqual(["c:8080 refused the connection"]);
    const one = await explainer.request(o.instance, get("http://orders/"), all, never);
    expect(one.notes).toEqual([expect.stringMatching(/no proxy that is connected to a control plane that answers/)]);
    const flags: FlagExplanation = await explainer.flags(["UO", "UF"], undefined, undefined, all, never);
    expect(flags.flags.map(({ flag, here }) => [flag, here])).toEqual([
      ["UO", ["far/w2 exceeds the limit of requests towards orders since 2026-01-01T00:00:00Z"]],
      ["UF", [expect.stringMatching(/o1 of orders .* open at far\/w2 since 2026-01-01T00:00:00Z for consecutive 5xx/)]],
    ]);
  });
});
