import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { growth } from "./figures.js";
import { type ProofMesh, type Reply, startProofMesh } from "./mesh.js";
import { ordersPolicy } from "./written-policies.js";

let mesh: ProofMesh;
beforeAll(async () => {
  mesh = await startProofMesh(2);
  await Promise.all(mesh.instances.map(({ app }) => app.behave({ delay: 1_500 })));
}, 60_000);
afterAll(() => mesh?.stop());

interface TimedReply extends Reply {
  /** Milliseconds from the first request of all to this answer. */
  readonly after: number;
}

function together(count: number): Promise<TimedReply[]> {
  const begin = performance.now();
  return Promise.all(Array.from({ length: count }, () => mesh.send({}).then((reply) => ({ ...reply, after: performance.now() - begin }))));
}

const served = (replies: readonly Reply[]) => replies.filter(({ status }) => status === 200).length;
const refused = (replies: readonly TimedReply[]) => replies.filter(({ status }) => status === 503);

describe("limits", () => {
  it("let everything pass that is within them", async () => {
    await mesh.follow(ordersPolicy("limits: { requests: 20, connections: 20, pendingRequests: 20 }"));
    const since = await growth(mesh.caller);
    expect(served(await together(20))).toBe(20);
    expect(await since.of("upstream_rq_pending_overflow")).toBe(0);
  });

  // A request that waits for its connection to be made counts as pending too, so that two connections and three that wait take 3 to 5.
  it.each([
    ["requests: 5", 5, 5, "upstream_rq_active_overflow"],
    ["connections: 2, pendingRequests: 3", 3, 5, "upstream_rq_pending_overflow"],
  ])("refuse what is beyond them at once, and count it: %s", async (limits, least, most, counter) => {
    await mesh.follow(ordersPolicy(`limits: { ${limits} }\nretries: { attempts: 0 }`));
    const since = await growth(mesh.caller);
    const replies = await together(20);
    expect(served(replies)).toBeGreaterThanOrEqual(least);
    expect(served(replies)).toBeLessThanOrEqual(most);
    expect(refused(replies)).toHaveLength(20 - served(replies));
    const first = Math.min(...replies.filter(({ status }) => status === 200).map(({ after }) => after));
    for (const reply of refused(replies)) {
      expect(reply.after).toBeLessThan(first);
      expect(reply.headers["x-envoy-overloaded"]).toBe("true");
    }
    expect(await since.of(counter)).toBe(refused(replies).length);
  });

  it("hold for each instance apart, and let the rest wait", async () => {
    await mesh.follow(ordersPolicy("limits: { connectionsPerInstance: 1 }"));
    const since = await growth(mesh.caller);
    expect(served(await together(6))).toBe(6);
    expect(await since.of("upstream_cx_total")).toBe(2);
    await mesh.follow(ordersPolicy());
    const without = await growth(mesh.caller);
    expect(served(await together(6))).toBe(6);
    expect(await without.of("upstream_cx_total")).toBeGreaterThan(2);
  });

  it("hold for pools, of which each instance takes one", async () => {
    await mesh.follow(ordersPolicy("limits: { connectionPools: 1 }\nretries: { attempts: 0 }"));
    const since = await growth(mesh.caller);
    const replies = await together(10);
    expect(refused(replies).length).toBeGreaterThan(0);
    expect(served(replies)).toBe(10 - refused(replies).length);
    expect(await since.of("upstream_cx_pool_overflow")).toBe(refused(replies).length);
  });

  it("end a connection after as many requests as it may take", async () => {
    await Promise.all(mesh.instances.map(({ app }) => app.behave({ delay: 0 })));
    const sent = async (policy: string) => {
      await mesh.follow(ordersPolicy(policy));
      const since = await growth(mesh.caller);
      for (let i = 0; i < 12; i++) expect((await mesh.send({})).status).toBe(200);
      return since;
    };
    const bounded = await sent("limits: { requestsPerConnection: 2 }");
    expect(await bounded.of("upstream_cx_max_requests")).toBeGreaterThanOrEqual(5);
    expect(await bounded.of("upstream_cx_total")).toBeGreaterThanOrEqual(6);
    const free = await sent("");
    expect(await free.of("upstream_cx_total")).toBeLessThanOrEqual(2);
  });
});
