import { afterEach, describe, expect, it } from "vitest";
import { type ProofInstance, type ProofMesh, type Reply, startProofMesh } from "./mesh.js";

let mesh: ProofMesh | undefined;
afterEach(async () => {
  await mesh?.stop();
  mesh = undefined;
});

const requests = 600;
const interval = 5;

/** Sends requests by schedule, whatever becomes of the earlier ones; after a third of them `kill` is called. */
async function underLoad(
  target: ProofMesh,
  method: string,
  headers: Record<string, string>,
  kill: () => Promise<unknown>,
): Promise<Reply[]> {
  const begin = performance.now();
  const replies: Promise<Reply>[] = [];
  let killed: Promise<unknown> = Promise.resolve();
  for (let i = 0; i < requests; i++) {
    const wait = begin + i * interval - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    if (i === requests / 3) killed = kill();
    replies.push(target.send({ method, headers }));
  }
  await killed;
  return Promise.all(replies);
}

const deaths: [string, (instance: ProofInstance) => Promise<unknown>][] = [
  ["an application is killed under its Envoy", (instance) => instance.app.kill()],
  ["an instance is killed with its Envoy", (instance) => Promise.all([instance.envoy.stop(), instance.app.kill()])],
];

describe.each(deaths)("when %s", (_, kill) => {
  it.each([2, 3])("no GET fails with %i instances", async (count) => {
    mesh = await startProofMesh(count);
    const [victim] = mesh.instances;
    if (!victim) throw new Error("no instance");
    const replies = await underLoad(mesh, "GET", {}, () => kill(victim));
    expect(replies.filter((reply) => reply.status !== 200)).toEqual([]);
    expect(new Set(replies.slice(0, requests / 3).map((reply) => reply.body.split(" ")[0])).size).toBe(count);
    expect((await mesh.caller.stats()).get("cluster.orders.upstream_rq_retry") ?? 0).toBeGreaterThan(0);
  });

  it("a POST fails at most where it may have been worked on", async () => {
    mesh = await startProofMesh(2);
    const [victim] = mesh.instances;
    if (!victim) throw new Error("no instance");
    const replies = await underLoad(mesh, "POST", {}, () => kill(victim));
    const failed = replies.flatMap((reply, i) => (reply.status === 200 ? [] : [i]));
    const aroundTheKill = failed.filter((i) => Math.abs(i - requests / 3) <= 20);
    expect(failed).toEqual(aroundTheKill);
    expect((await mesh.caller.stats()).get("cluster.orders.upstream_rq_retry_success") ?? 0).toBeGreaterThan(0);
  });
});

describe("when the application of one of two instances is dead", () => {
  it("a gRPC call is told so by its Envoy and tried elsewhere", async () => {
    mesh = await startProofMesh(2);
    await mesh.instances[0]?.app.kill();
    const replies: Reply[] = [];
    for (let i = 0; i < 20; i++) replies.push(await mesh.send({ method: "POST", headers: { "content-type": "application/grpc" } }));
    expect(replies.map((reply) => reply.body.split(" ")[0])).toEqual(replies.map(() => "orders-2"));
    expect((await mesh.caller.stats()).get("cluster.orders.upstream_rq_retry") ?? 0).toBeGreaterThan(0);
  });

  it("one of two is ejected after five failures, and the last one never", async () => {
    mesh = await startProofMesh(2);
    const { instances, caller, send } = mesh;
    const flags = async () => (await caller.admin("/clusters")).match(/orders::127\.0\.0\.1:\d+::health_flags::.*/g) ?? [];
    await Promise.all(instances.map((instance) => instance.app.kill()));
    for (let i = 0; i < 40; i++) expect((await send({})).status).toBe(503);
    expect((await flags()).filter((line) => line.includes("failed_outlier_check"))).toHaveLength(1);
  });
});
