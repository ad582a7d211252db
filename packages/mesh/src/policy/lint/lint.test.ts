import { encodeMeta } from "@legation/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CatalogService } from "../../catalog/instance.js";
import { instance } from "../../proof/instances.js";
import { findingText, lint, lintChange, parsePolicyFiles, policySet } from "../index.js";
import { anyTraffic } from "../testing/arbitrary.js";

const read = (...texts: string[]) => {
  const { documents, problems } = parsePolicyFiles(
    texts.map((text, i) => ({ path: `${i}.yaml`, text: `apiVersion: legation/v1\n${text}` })),
  );
  if (problems.length > 0) throw new Error(problems.join("\n"));
  return policySet(documents);
};
const service = (name: string, fields: string) => `kind: Service\nname: ${name}\n${fields}\n`;
const mesh = (fields: string) => `kind: MeshDefaults\nname: mesh\n${fields}\n`;
/** A registry in which each service calls the next, the last of them none. */
const chain = (...names: string[]): CatalogService[] =>
  names.map((name, i) => ({
    name,
    instances: [
      instance({
        service: name,
        meta: encodeMeta({
          protocol: "http",
          dependencies: names.slice(i + 1, i + 2).map((next) => ({ name: next, optional: false })),
          wishes: {},
          user: {},
        }),
      }),
    ],
  }));
const texts = (policies: ReturnType<typeof read>, registry?: CatalogService[]) => lint(policies, registry).map(findingText);

describe("what is odd about policies", () => {
  it.each([
    [
      "timeouts: { perTry: 5s, request: 12s }",
      "warning: Service/orders: timeouts.perTry: 3 tries of 5s each take longer than the request may, 12s: the last ones are cut off. Shorten perTry to 4s or less",
    ],
    ["timeouts: { request: 800ms }", "warning: Service/orders: timeouts.request: the request ends after 800ms, before 1s of connecting"],
    ["circuitBreaker: { timeout: 1s }", "warning: Service/orders: circuitBreaker.timeout: the request ends after 1s"],
    [
      "balancing: { hashOn: [{ header: x-user }] }",
      "warning: Service/orders: balancing.hashOn: health_based does not look at requests. Take hashOn out, or use one of ring_hash, maglev",
    ],
    [
      "balancing: { choices: 5 }",
      "info: Service/orders: balancing.choices: with slowStart (30s) instances are drawn only where none is new",
    ],
    [
      "balancing: { panicThreshold: 50% }\ncircuitBreaker: { whenAllFail: fail-fast }",
      "warning: Service/orders: balancing.panicThreshold: circuitBreaker.whenAllFail: fail-fast never tries",
    ],
    [
      "circuitBreaker: { monitoringPeriod: 5m }",
      "info: Service/orders: circuitBreaker.monitoringPeriod: Envoy ejects after failures in a row",
    ],
    [
      "retries: { attempts: 10, maxConcurrency: 100 }",
      "warning: Service/orders: retries.attempts: one request through orders becomes up to 11 at its end",
    ],
  ])("is told of %s, by itself and without a registry", (fields, text) => {
    expect(texts(read(service("orders", fields)))).toEqual([expect.stringContaining(text)]);
  });

  it.each([
    [
      "circuitBreaker: { monitoringPeriod: 1m, failurePercentage: {} }",
      "info: Service/orders: circuitBreaker.monitoringPeriod: Envoy judges shares of failures from sweep to sweep, here 10s",
    ],
    [
      "timeouts: { perTry: 1s }\nretries: { on: [connect-failure] }",
      "warning: Service/orders: retries.on: a try that takes longer than timeouts.perTry is not tried again",
    ],
    [
      "retries: { backoff: { headers: [{ name: Retry-After }] } }",
      "warning: Service/orders: retries.backoff.headers: no response is tried again",
    ],
  ])("is a second try, or a window, that never comes to be: %s", (fields, told) => {
    expect(texts(read(service("orders", fields)))).toEqual([expect.stringContaining(told)]);
  });

  it("is nothing where second tries and windows are what they say", () => {
    const right =
      "timeouts: { perTry: 1s }\nretries: { on: [gateway-error, 429], backoff: { headers: [{ name: Retry-After }] } }\nhedging: { enabled: true }\ncircuitBreaker: { monitoringPeriod: 1s, successRate: {} }";
    expect(texts(read(service("orders", right)))).toEqual([]);
    expect(
      texts(read(mesh("timeouts: { perTry: 1s }\nhedging: { enabled: true }"), service("orders", "timeouts: { perTry: 0s }"))),
    ).toEqual([expect.stringContaining("Service/orders: timeouts.perTry: hedging has no effect")]);
  });

  it("is told where it was written, be that for the mesh, a service or a rule", () => {
    const slow = mesh("balancing: { slowStart: 30s }");
    expect(texts(read(slow, service("orders", "balancing: { strategy: random }")))).toEqual([
      expect.stringContaining("MeshDefaults/mesh: balancing.slowStart: random has no slow start in Envoy"),
    ]);
    const rule =
      "kind: Route\nname: slow\nservice: orders\nrules: [{ match: { path: { prefix: /slow } }, timeouts: { request: 200ms } }]\n";
    expect(texts(read(rule))).toEqual([expect.stringContaining("Route/slow: rules[0].timeouts.request: the request ends after 200ms")]);
  });

  it("is nothing where nothing was written, whoever calls whom", () => {
    expect(texts(read(), chain("a", "b", "c"))).toEqual([]);
    expect(texts(read(mesh("timeouts: { request: 10s }")), chain("a", "b", "c"))).toEqual([]);
  });

  it("is a storm where attempts multiply along a chain, and no budget holds them", () => {
    const callers = chain("web", "shop", "orders");
    const three = mesh("retries: { attempts: 2, maxConcurrency: 1000 }");
    expect(texts(read(three), callers)).toEqual([
      expect.stringContaining("MeshDefaults/mesh: retries.attempts: one request through web → shop → orders becomes up to 27 at its end"),
    ]);
    expect(texts(read(mesh("retries: { attempts: 10 }")), callers)).toEqual([]);
    expect(texts(read(three, service("shop", "retries: { attempts: 0 }")), callers)).toEqual([]);
    expect(texts(read(mesh("retries: { attempts: 9, budget: 100% }")), chain(..."abcd"))).toEqual([expect.stringContaining("up to 16")]);
  });

  it("ends for services that call each other", () => {
    const [a, b] = chain("a", "b");
    const [back] = chain("b", "a");
    const both = [a, back, b].filter((one) => one !== undefined).slice(0, 2);
    expect(texts(read(mesh("retries: { attempts: 9, maxConcurrency: 9 }")), both)).toEqual([expect.stringContaining("up to 100")]);
  });

  it("is a timeout longer than that of the request on whose behalf the call is made", () => {
    const callers = chain("web", "orders");
    expect(texts(read(service("web", "timeouts: { request: 5s }"), service("orders", "timeouts: { request: 10s }")), callers)).toEqual([
      expect.stringContaining(
        "Service/orders: timeouts.request: a request to orders may take 10s, longer than the requests to its callers on whose behalf it is made: web (5s)",
      ),
    ]);
    expect(texts(read(service("web", "timeouts: { request: 5s }")), callers)).toEqual([
      expect.stringContaining("Service/web: timeouts.request: a request to orders may take 30s"),
    ]);
    expect(texts(read(service("web", "timeouts: { request: 5s }"), service("orders", "timeouts: { request: 5s }")), callers)).toEqual([]);
  });

  it("is a name that leads nowhere, where the registry is known", () => {
    const policies = read(
      service("ordres", "limits: { requests: 5 }"),
      service("orders", "subsets: { v2: { version: '2' } }"),
      "kind: Route\nname: canary\nservice: orders\nrules: [{ to: [{ service: payments }] }]\n",
    );
    expect(texts(policies)).toEqual([]);
    expect(texts(policies, chain("orders"))).toEqual([
      expect.stringContaining("Route/canary: rules[0].to[0].service: payments is not registered"),
      expect.stringContaining("Service/orders: subsets.v2: no instance belongs to its subset v2 (version 2)"),
      expect.stringContaining("Service/ordres: name: ordres is not registered"),
    ]);
  });

  it("is a subset that no policy of the service names", () => {
    const route = "kind: Route\nname: canary\nservice: orders\nrules: [{ to: [{ subset: v2 }] }]\n";
    expect(texts(read(route))).toEqual([
      expect.stringContaining("warning: Route/canary: rules[0].to[0].subset: Service/orders names no subset v2, so that requests"),
    ]);
    expect(texts(read(route, service("orders", "subsets: { v2: { version: '2' } }")))).toEqual([]);
  });

  it("is of a change what it brings, or what it touches", () => {
    const odd = read(service("orders", "timeouts: { request: 800ms }"), service("web", "timeouts: { request: 1m }"));
    const more = read(service("orders", "timeouts: { request: 800ms }"), service("web", "timeouts: { request: 900ms }"));
    expect(lintChange(odd, more, new Set(["Service/web"]))).toMatchObject([{ document: "Service/web" }]);
    expect(lintChange(odd, odd, new Set(["Service/orders"]))).toMatchObject([{ code: "connecting-outlasts-request" }]);
    expect(lintChange(odd, odd, new Set())).toEqual([]);
  });

  it("is told at places that are there, whatever the policies", () => {
    fc.assert(
      fc.property(anyTraffic(["a", "b", "c"]), (documents) => {
        const policies = policySet(documents);
        for (const { document, message } of lint(policies, chain("a", "b", "c"))) {
          expect(policies.documents.has(document)).toBe(true);
          expect(message).toMatch(/\S/);
        }
      }),
    );
  });
});
