import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Behaviour } from "./application.js";
import { growth, healthFlags, until } from "./figures.js";
import { type ProofMesh, type Reply, startProofMesh } from "./mesh.js";
import { ordersPolicy } from "./written-policies.js";

let mesh: ProofMesh;
beforeAll(async () => {
  mesh = await startProofMesh(3);
}, 60_000);
afterAll(() => mesh?.stop());

const noRetries = "retries: { attempts: 0 }\nbalancing: { strategy: round_robin }";

/** Has `failing` misbehave and the others not, and `orders` called with such a breaker by a caller that knows nothing of before. */
async function given(breaker: string, failing: Behaviour, count = 1): Promise<void> {
  await Promise.all(mesh.instances.map(({ app }, i) => app.behave({ delay: 0, ...(i < count ? failing : {}) })));
  await mesh.follow(ordersPolicy(noRetries));
  await mesh.follow(ordersPolicy(`${noRetries}\ncircuitBreaker: ${breaker}`));
}

async function send(count: number): Promise<Reply[]> {
  const replies: Reply[] = [];
  for (let i = 0; i < count; i++) replies.push(await mesh.send({}));
  return replies;
}

/** The names of the instances that are ejected, as the caller's Envoy sees it. */
async function ejected(): Promise<string[]> {
  const flags = await healthFlags(mesh.caller);
  const names: string[] = [];
  for (const { name, envoy } of mesh.instances)
    if (flags.get(await envoy.port("inbound"))?.includes("failed_outlier_check")) names.push(name);
  return names;
}

/** Which instances have seen requests since the last time that somebody asked. */
function counter() {
  let before: number[] = [];
  return async () => {
    const now = await Promise.all(mesh.instances.map(async ({ app }) => (await app.seen()).requests.length));
    const asked = mesh.instances.flatMap(({ name }, i) => ((now[i] ?? 0) > (before[i] ?? 0) ? [name] : []));
    before = now;
    return asked;
  };
}

/** Round robin gives each of three instances every third request. */
const threeEach = 9;

describe("failures in a row", () => {
  it.each([
    ["5xx responses", "{ failureThreshold: 3, consecutive: { gatewayErrors: 0 }, recoveryTimeout: 30s }", 500, "consecutive_5xx"],
    [
      "gateway errors",
      "{ failureThreshold: 3, consecutive: { serverErrors: 0 }, recoveryTimeout: 30s }",
      502,
      "consecutive_gateway_failure",
    ],
  ])("that are %s eject the instance alone, which gets no request then", async (_, breaker, status, detector) => {
    await given(breaker, { status });
    const since = await growth(mesh.caller);
    const replies = await send(threeEach);
    expect(replies.filter((reply) => reply.status === status)).toHaveLength(3);
    expect(await ejected()).toEqual(["orders-1"]);
    expect(await since.of(`outlier_detection.ejections_enforced_${detector}`)).toBe(1);
    expect(await since.of("outlier_detection.ejections_enforced_total")).toBe(1);
    await until("its workers know", async () => (await send(3)).every((reply) => reply.status === 200));
    const asked = counter();
    await asked();
    expect((await send(threeEach)).every((reply) => reply.status === 200)).toBe(true);
    expect(await asked()).toEqual(["orders-2", "orders-3"]);
  });

  it("eject nobody where their detectors are off, nor where they are not in a row", async () => {
    await given("{ consecutive: { serverErrors: 0, gatewayErrors: 0, localOrigin: 0 } }", { status: 503 });
    const since = await growth(mesh.caller);
    await send(10 * threeEach);
    await given("{ failureThreshold: 3 }", { status: 503, share: 60 });
    await send(10 * threeEach);
    expect(await since.of("outlier_detection.ejections_enforced_total")).toBe(0);
  });
});

describe("an ejection", () => {
  it("lasts as long as recoveryTimeout and at most a sweep more, the second one twice as long", async () => {
    await given("{ failureThreshold: 1, recoveryTimeout: 1200ms }", { status: 500 });
    const returned = async () => {
      await until("the instance is ejected", async () => (await send(3)).length > 0 && (await ejected()).length === 1);
      const ejection = performance.now();
      await until("it is back", async () => (await ejected()).length === 0);
      return performance.now() - ejection;
    };
    const first = await returned();
    const second = await returned();
    // The sweep comes every 200 ms. Before and after lie a few requests and pages of the admin interface, more of them on a slow machine.
    expect(first).toBeGreaterThanOrEqual(1_200 - 150);
    expect(first).toBeLessThan(1_200 + 200 + 900);
    expect(second).toBeGreaterThanOrEqual(2_400 - 150);
    const asked = counter();
    await asked();
    await mesh.instances[0]?.app.behave({ delay: 0 });
    await until("it is asked again", async () => (await send(3)).length > 0 && (await asked()).includes("orders-1"));
    expect((await send(threeEach)).every((reply) => reply.status === 200)).toBe(true);
    expect(await asked()).toEqual(["orders-1", "orders-2", "orders-3"]);
  });

  it("takes no more of the service than maxEjection says", async () => {
    await given("{ failureThreshold: 1, maxEjection: 34% }", { status: 500 }, 2);
    await send(3 * threeEach);
    expect(await ejected()).toHaveLength(1);
  });
});

describe("when all fail", () => {
  it("the last one keeps serving", async () => {
    await given("{ failureThreshold: 2, recoveryTimeout: 30s }", { status: 500 }, 3);
    await send(3 * threeEach);
    expect(await ejected()).toHaveLength(2);
    expect(new Set((await send(5)).map(({ status }) => status))).toEqual(new Set([500]));
  });

  it("or none does, requests fail at once, and the service returns by itself", async () => {
    await given("{ failureThreshold: 2, recoveryTimeout: 4s, whenAllFail: fail-fast }", { status: 500 }, 3);
    const asked = counter();
    await until("all are ejected", async () => (await send(3)).length > 0 && (await ejected()).length === 3);
    await until("nobody is asked", async () => (await send(1))[0]?.status === 503);
    await asked();
    for (const reply of await send(5)) expect(reply).toMatchObject({ status: 503, body: "no healthy upstream" });
    expect(await asked()).toEqual([]);
    await Promise.all(mesh.instances.map(({ app }) => app.behave({ delay: 0 })));
    await until("the service answers", async () => (await send(1))[0]?.status === 200);
  });
});

describe("shares of failures", () => {
  const notInARow = "consecutive: { serverErrors: 0, gatewayErrors: 0, localOrigin: 0 }, recoveryTimeout: 30s, interval: 500ms";

  it.each([
    ["a threshold", "failurePercentage: { threshold: 40%, requestVolume: 4 }", "failure_percentage"],
    ["what the others have", "successRate: { stdevFactor: 1.3, minimumHosts: 3, requestVolume: 4 }", "success_rate"],
  ])("beyond %s eject, with no failures in a row", async (_, detector, figure) => {
    await given(`{ ${notInARow}, ${detector} }`, { status: 500, share: 50 });
    const since = await growth(mesh.caller);
    await until("one is ejected", async () => (await send(threeEach)).length > 0 && (await ejected()).length > 0);
    expect(await ejected()).toEqual(["orders-1"]);
    expect(await since.of(`outlier_detection.ejections_enforced_${figure}`)).toBe(1);
  });

  it("below the threshold, and of too few requests, eject nobody", async () => {
    const since = await growth(mesh.caller);
    for (const detector of ["threshold: 60%, requestVolume: 4", "threshold: 40%, requestVolume: 100000"]) {
      await given(`{ ${notInARow}, failurePercentage: { ${detector} } }`, { status: 500, share: 50 });
      const begin = performance.now();
      while (performance.now() - begin < 1_500) await send(threeEach);
    }
    expect(await since.of("outlier_detection.ejections_enforced_total")).toBe(0);
  });
});

describe("an instance that cannot be reached", () => {
  it("is ejected by the detector for the way to it", async () => {
    await given("{ failureThreshold: 3, consecutive: { serverErrors: 0, gatewayErrors: 0 }, recoveryTimeout: 30s }", {});
    const since = await growth(mesh.caller);
    await mesh.instances[0]?.envoy.stop();
    await send(4 * threeEach);
    expect(await since.of("outlier_detection.ejections_enforced_consecutive_local_origin_failure")).toBe(1);
    expect(await since.of("outlier_detection.ejections_enforced_total")).toBe(1);
  });
});
