import { afterEach, describe, expect, it } from "vitest";
import { type ProofInstance, type ProofMesh, type Reply, startProofMesh } from "./mesh.js";

let mesh: ProofMesh | undefined;
afterEach(async () => {
  await mesh?.stop();
  mesh = undefined;
});

const requests = 600;
const interval = 5;

/** A reply with what a judge of the kill has to know. */
interface Sent extends Reply {
  /** Sent before the death was complete, and answered after it began: the dead instance may have worked on it. */
  readonly aroundDeath: boolean;
}

/** Sends requests by schedule, whatever becomes of the earlier ones; after a third of them `kill` is called. */
async function underLoad(target: ProofMesh, method: string, kill: () => Promise<unknown>): Promise<Sent[]> {
  const begin = performance.now();
  const replies: Promise<Reply & { start: number; end: number }>[] = [];
  let killBegin = 0;
  let killEnd: Promise<number> = Promise.resolve(0);
  for (let i = 0; i < requests; i++) {
    const wait = begin + i * interval - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    if (i === requests / 3) {
      killBegin = performance.now();
      killEnd = kill().then(() => performance.now());
    }
    const start = performance.now();
    replies.push(target.send({ method }).then((reply) => ({ ...reply, start, end: performance.now() })));
  }
  const dead = await killEnd;
  return (await Promise.all(replies)).map((reply) => ({ ...reply, aroundDeath: reply.start <= dead && reply.end >= killBegin }));
}

/** The replies that are no success, but for responses that the death cut off: what has begun can not be tried again. */
function failed(replies: readonly Sent[]): readonly Sent[] {
  return replies.filter((reply) => (reply.status !== 200 || reply.cut) && !(reply.cut && reply.aroundDeath));
}

/** The instances that answered well, by name. */
function answeredBy(replies: readonly Reply[]): string[] {
  return [...new Set(replies.filter((reply) => reply.status === 200 && !reply.cut).map((reply) => reply.body.split(" ")[0] ?? ""))].sort();
}

const deaths: [string, (instance: ProofInstance) => Promise<unknown>][] = [
  ["an application is killed under its Envoy", (instance) => instance.app.kill()],
  ["an instance is killed with its Envoy", (instance) => Promise.all([instance.envoy.stop(), instance.app.kill()])],
];

describe.each(deaths)("when %s", (_, kill) => {
  it.each([
    { count: 2, protocol: "http" },
    { count: 3, protocol: "http" },
    { count: 2, protocol: "http2" },
  ] as const)("no GET fails with $count instances that speak $protocol", async ({ count, protocol }) => {
    mesh = await startProofMesh(count, protocol);
    const [victim] = mesh.instances;
    if (!victim) throw new Error("no instance");
    const replies = await underLoad(mesh, "GET", () => kill(victim));
    expect(failed(replies)).toEqual([]);
    expect(answeredBy(replies.slice(0, requests / 3))).toEqual(mesh.instances.map((instance) => instance.name));
    expect((await mesh.caller.stats()).get("cluster.orders.upstream_rq_retry") ?? 0).toBeGreaterThan(0);
  });

  it("a POST fails at most where it may have been worked on", async () => {
    mesh = await startProofMesh(2);
    const [victim] = mesh.instances;
    if (!victim) throw new Error("no instance");
    const replies = await underLoad(mesh, "POST", () => kill(victim));
    expect(failed(replies).filter((reply) => !reply.aroundDeath)).toEqual([]);
    expect(answeredBy(replies.slice(0, requests / 3))).toEqual(["orders-1", "orders-2"]);
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
