import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Behaviour, SeenRequest } from "./application.js";
import { growth, until } from "./figures.js";
import { type ProofMesh, type Reply, startProofMesh } from "./mesh.js";
import { ordersPolicy } from "./written-policies.js";

let mesh: ProofMesh;
beforeAll(async () => {
  mesh = await startProofMesh(2);
}, 60_000);
afterAll(() => mesh?.stop());

/** Has both instances misbehave, each in its own way, and `orders` called by a policy that ejects nobody. */
async function given(first: Behaviour, second: Behaviour, policy: string): Promise<void> {
  await Promise.all([first, second].map((behaviour, i) => mesh.instances[i]?.app.behave({ delay: 0, ...behaviour })));
  await mesh.follow(ordersPolicy(`circuitBreaker: { failureThreshold: 1000000 }\n${policy}`));
}

/** A reply, and what each instance has seen of its request. */
interface Traced extends Reply {
  readonly id: string;
  readonly seen: readonly (readonly SeenRequest[])[];
  /** All tries in their order. */
  readonly tries: readonly SeenRequest[];
  readonly took: number;
}

async function traced(count: number, method = "GET", together = false): Promise<Traced[]> {
  const one = async () => {
    const id = randomUUID();
    const begin = performance.now();
    const reply = await mesh.send({ method, headers: { "x-request-id": id } });
    return { id, reply, took: performance.now() - begin };
  };
  const sent: Awaited<ReturnType<typeof one>>[] = [];
  if (together) sent.push(...(await Promise.all(Array.from({ length: count }, one))));
  else for (let i = 0; i < count; i++) sent.push(await one());
  const all = await Promise.all(mesh.instances.map(async ({ app }) => (await app.seen()).requests));
  return sent.map(({ id, reply, took }) => {
    const seen = all.map((requests) => requests.filter((request) => request.id === id));
    return { ...reply, id, took, seen, tries: seen.flat().sort((a, b) => a.at - b.at) };
  });
}

const statuses = (replies: readonly Reply[]) => [...new Set(replies.map(({ status }) => status))].sort();

/** Waits until the first instance knows that none of these requests is wanted from it any more. */
async function cancelled(replies: readonly Traced[]): Promise<void> {
  const ids = new Set(replies.map(({ id }) => id));
  await until("every try at the first instance is cancelled", async () => {
    const requests = (await mesh.instances[0]?.app.seen())?.requests.filter(({ id }) => ids.has(id)) ?? [];
    return requests.length >= ids.size && requests.every((request) => request.cancelled);
  });
}

/** Milliseconds between a request's tries. */
const gaps = ({ tries }: Traced) => tries.slice(1).map(({ at }, i) => at - (tries[i]?.at ?? at));

describe("retries", () => {
  // Each first try goes to the failing instance in half of all cases: none of 40 does so once in 10^12 runs.
  it.each([
    ["a status", { status: 503 }, "on: [503]"],
    ["gateway errors", { status: 502 }, "on: [gateway-error]"],
    ["a response header", { status: 409, headers: { "x-again": "yes" } }, "on: [{ header: x-again, exact: yes }]"],
    ["a connection that breaks", { reset: true }, "on: [reset]"],
  ] as const)("repeat, after %s, what may be sent twice, and nothing else unless asked", async (_, failure, on) => {
    await given(failure, {}, `retries: { ${on} }`);
    const twice = await traced(40);
    expect(statuses(twice)).toEqual([200]);
    expect(twice.filter(({ tries }) => tries.length === 2).length).toBeGreaterThan(0);
    const once = await traced(40, "POST");
    expect(once.map(({ tries }) => tries.length)).toEqual(once.map(() => 1));
    expect(statuses(once)).toHaveLength(2);
    await given(failure, {}, `retries: { ${on}, methods: all }`);
    expect(statuses(await traced(40, "POST"))).toEqual([200]);
  });

  it("repeat a gRPC call that failed with a code that on names, and no other", async () => {
    const call = async (on: string) => {
      await given({ headers: { "content-type": "application/grpc", "grpc-status": "14" } }, {}, `retries: { on: [${on}] }`);
      const codes: unknown[] = [];
      for (let i = 0; i < 40; i++)
        codes.push((await mesh.send({ method: "POST", headers: { "content-type": "application/grpc" } })).headers["grpc-status"]);
      return new Set(codes);
    };
    expect(await call("internal, reset")).toContain("14");
    expect(await call("unavailable")).toEqual(new Set([undefined]));
  });

  it("leave a status alone that on does not name", async () => {
    await given({ status: 503 }, {}, "retries: { on: [502, reset] }");
    expect(statuses(await traced(40))).toEqual([200, 503]);
  });

  it("go to another instance, unless they need not", async () => {
    await given({ status: 503 }, {}, "retries: { on: [503], attempts: 1 }");
    const failedTwice = (replies: readonly Traced[]) => replies.filter(({ seen }) => seen[0]?.length === 2).length;
    // Twenty draws find the other of two once in 10^6 not: more than one of 30 retries does so once in 10^9 runs.
    expect(failedTwice(await traced(60))).toBeLessThanOrEqual(1);
    // A quarter of all requests fails twice: fewer than two of 60 do so once in 10^6 runs.
    await given({ status: 503 }, {}, "retries: { on: [503], attempts: 1, avoidPreviousHosts: false }");
    const anywhere = await traced(60);
    expect(failedTwice(anywhere)).toBeGreaterThan(1);
    expect(statuses(anywhere)).toEqual([200, 503]);
  });

  it("wait a random time below the first wait, and below three times it before the second retry", async () => {
    await given({ status: 503 }, { status: 503 }, "retries: { on: [503], attempts: 2, backoff: { base: 300ms, max: 5s } }");
    const replies = await traced(12, "GET", true);
    expect(replies.map(({ tries }) => tries.length)).toEqual(replies.map(() => 3));
    const [firsts, seconds] = [replies.map((reply) => gaps(reply)[0] ?? 0), replies.map((reply) => gaps(reply)[1] ?? 0)];
    // On the way both are held up, by less than a second on the slowest machine.
    expect(Math.max(...firsts)).toBeLessThan(300 + 1_000);
    expect(Math.max(...seconds)).toBeLessThan(900 + 1_000);
    // Uniform from 0 to 300 and 900 ms: all of 12 below 75 and 225 ms once in 10^7 runs. With Envoy's own 25 ms they are below 25 and 75.
    expect(Math.max(...firsts)).toBeGreaterThan(75);
    expect(Math.max(...seconds)).toBeGreaterThan(225);
  });

  it("wait as long as a service asks for, and half as long again at most", async () => {
    const again = { status: 429, headers: { "retry-after": "1" } };
    await given(again, again, "retries: { on: [429], attempts: 1, backoff: { headers: [{ name: Retry-After }] } }");
    const asked = (await traced(4, "GET", true)).map((reply) => gaps(reply)[0] ?? 0);
    expect(Math.min(...asked)).toBeGreaterThanOrEqual(990);
    expect(Math.max(...asked)).toBeLessThan(1_500 + 1_000);
    const later = { ...again, headers: { "retry-after": "2" } };
    await given(later, later, "retries: { on: [429], attempts: 1, backoff: { headers: [{ name: Retry-After }], headersMax: 1s } }");
    const tooLong = (await traced(4, "GET", true)).map((reply) => gaps(reply)[0] ?? 0);
    expect(Math.max(...tooLong)).toBeLessThan(990);
  });

  it("of a storm are bounded by the budget, and by a number", async () => {
    const storm = async (bound: string) => {
      await given(
        { status: 503, delay: 500 },
        { status: 503, delay: 500 },
        `retries: { on: [503], attempts: 3, backoff: { base: 1ms }, ${bound} }`,
      );
      const since = await growth(mesh.caller);
      expect(statuses(await traced(60, "GET", true))).toEqual([503]);
      return { retries: await since.of("upstream_rq_retry"), refused: await since.of("upstream_rq_retry_overflow") };
    };
    const free = await storm("budget: 100%");
    expect(free).toEqual({ retries: 180, refused: 0 });
    // Ten percent of at most 60 active ones: 6 at once, for half a second each. A slow machine spreads the storm, and lets more pass.
    const budgeted = await storm("budget: 10%, minConcurrency: 1");
    expect(budgeted.retries).toBeGreaterThan(0);
    expect(budgeted.retries).toBeLessThanOrEqual(60);
    expect(budgeted.refused).toBeGreaterThanOrEqual(20);
    const counted = await storm("maxConcurrency: 2");
    expect(counted.retries).toBeGreaterThan(0);
    expect(counted.retries).toBeLessThanOrEqual(40);
    expect(counted.refused).toBeGreaterThanOrEqual(20);
  });

  it("send another try when one has taken its time", async () => {
    await given({ delay: "never" }, {}, "timeouts: { perTry: 200ms, request: 10s }");
    const since = await growth(mesh.caller);
    const replies = await traced(30);
    expect(statuses(replies)).toEqual([200]);
    const late = replies.filter(({ tries }) => tries.length > 1);
    expect(late.length).toBeGreaterThan(0);
    expect(Math.min(...late.map(({ took }) => took))).toBeGreaterThanOrEqual(190);
    expect(await since.of("upstream_rq_per_try_timeout")).toBe(late.reduce((sum, { tries }) => sum + tries.length - 1, 0));
    await cancelled(late);
  });
});

describe("hedging", () => {
  const policy = (hedging: string) => `timeouts: { perTry: 200ms, request: 20s }\nretries: { attempts: 1 }\nhedging: ${hedging}`;

  it("sends a second try beside a slow one, takes the first answer and cancels the other", async () => {
    await given({ delay: "never" }, {}, policy("{ enabled: true }"));
    const replies = await traced(20);
    expect(statuses(replies)).toEqual([200]);
    const hedged = replies.filter(({ tries }) => tries.length === 2);
    expect(hedged.length).toBeGreaterThan(0);
    for (const { seen, body } of hedged) {
      expect(seen.map((requests) => requests.length)).toEqual([1, 1]);
      expect(body).toMatch(/^orders-2 /);
    }
    await cancelled(hedged);
  });

  it("lets the slow one go on, and takes its answer where it comes first", async () => {
    await given({ delay: 1_200 }, { delay: "never" }, policy("{ enabled: true }"));
    const replies = await traced(4);
    expect(replies.map(({ status, body }) => [status, body.split(" ")[0]])).toEqual(replies.map(() => [200, "orders-1"]));
    await given({ delay: 1_200 }, { delay: "never" }, policy("{ enabled: false }"));
    expect(statuses(await traced(4, "GET", true))).toEqual([504]);
  });

  it("is for idempotent methods, and for others when asked", async () => {
    await given({ delay: 800 }, { delay: 800 }, policy("{ enabled: true }"));
    const once = await traced(4, "POST", true);
    expect(once.map(({ status, tries }) => [status, tries.length])).toEqual(once.map(() => [200, 1]));
    await given({ delay: 800 }, { delay: 800 }, policy("{ enabled: true, methods: all }"));
    const twice = await traced(4, "POST", true);
    expect(twice.map(({ status, tries }) => [status, tries.length])).toEqual(twice.map(() => [200, 2]));
  });
});
