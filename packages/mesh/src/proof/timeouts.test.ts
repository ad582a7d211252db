import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Behaviour } from "./application.js";
import { type ProofMesh, type Reply, startProofMesh } from "./mesh.js";
import { writtenPolicies } from "./written-policies.js";

let mesh: ProofMesh;
beforeAll(async () => {
  mesh = await startProofMesh(1);
}, 60_000);
afterAll(() => mesh?.stop());

const head = (kind: string, name: string) => `---\napiVersion: legation/v1\nkind: ${kind}\nname: ${name}\n`;

/** Has `orders` called under its own timeouts, with those of the mesh below them. */
function under(own: string, ofMesh = "{}"): Promise<void> {
  return mesh.follow(writtenPolicies(`${head("MeshDefaults", "mesh")}timeouts: ${ofMesh}\n${head("Service", "orders")}timeouts: ${own}\n`));
}

const behave = (behaviour: Behaviour) => mesh.instances[0]?.app.behave(behaviour);

/** Far from the 30 seconds that a request has without a word, and from any timeout here. */
const soon = 12_000;

async function timed(o: Parameters<ProofMesh["send"]>[0] = {}): Promise<Reply & { readonly took: number }> {
  const begin = performance.now();
  const reply = await mesh.send(o);
  return { ...reply, took: performance.now() - begin };
}

describe("timeouts", () => {
  it("end a request that takes longer, and not one that takes less", async () => {
    await under("{ request: 400ms }");
    await behave({ delay: "never" });
    const late = await timed({ method: "POST" });
    expect(late).toMatchObject({ status: 504, body: "upstream request timeout" });
    expect(late.took).toBeGreaterThanOrEqual(390);
    expect(late.took).toBeLessThan(soon);
    await behave({ delay: 100 });
    expect(await timed()).toMatchObject({ status: 200 });
  });

  it("have no end as 0s, whatever the mesh's are", async () => {
    await under("{ request: 0s }", "{ request: 300ms }");
    await behave({ delay: 1_200 });
    expect(await timed()).toMatchObject({ status: 200 });
    await under("{}", "{ request: 300ms }");
    expect(await timed()).toMatchObject({ status: 504 });
  });

  it("end a request on which nobody says anything, before the response and in it", async () => {
    await under("{ idle: 500ms, request: 0s }");
    await behave({ body: "silence" });
    const silent = await timed();
    expect(silent).toMatchObject({ cut: true });
    expect(silent.took).toBeGreaterThanOrEqual(490);
    expect(silent.took).toBeLessThan(soon);
    await behave({ delay: "never" });
    expect((await timed()).status).toBe(504);
  });

  it("end a stream that lives too long, however much it says", async () => {
    await under("{ idle: 10s, stream: 800ms, request: 0s }");
    await behave({ body: 50 });
    const endless = await timed();
    expect(endless.cut).toBe(true);
    expect(endless.took).toBeGreaterThanOrEqual(790);
    expect(endless.took).toBeLessThan(soon);
  });

  it("leave gRPC calls their own deadline, up to the longest stream", async () => {
    const call = (deadline: string) =>
      timed({ method: "POST", headers: { "content-type": "application/grpc", te: "trailers", "grpc-timeout": deadline } });
    await behave({ delay: "never" });
    await under("{ request: 100ms }");
    const own = await call("600m");
    expect(own.headers["grpc-status"]).toBe("4");
    expect(own.took).toBeGreaterThanOrEqual(590);
    await under("{ stream: 700ms }");
    const bounded = await call("30S");
    expect(bounded.headers["grpc-status"]).toBe("4");
    expect(bounded.took).toBeGreaterThanOrEqual(690);
    expect(bounded.took).toBeLessThan(soon);
  });

  it("end a try, and a try on which nobody says anything, where a request may be sent twice, and not where it may not", async () => {
    await under("{ perTry: 200ms, request: 3s }");
    await behave({ delay: "never" });
    const tries = await timed();
    expect(tries.status).toBe(504);
    expect(tries.took).toBeLessThan(2_900);
    const once = await timed({ method: "POST" });
    expect(once.status).toBe(504);
    expect(once.took).toBeGreaterThanOrEqual(2_990);
    await under("{ perTryIdle: 500ms, request: 0s }");
    await behave({ body: "silence" });
    const silent = await timed();
    expect(silent.cut).toBe(true);
    expect(silent.took).toBeGreaterThanOrEqual(490);
    expect(silent.took).toBeLessThan(soon);
  });
});
