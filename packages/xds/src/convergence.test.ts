/** Random histories: whatever happens, a client ends up with exactly what exists for it, in order, and is not sent things twice. */
import { create, toBinary } from "@bufbuild/protobuf";
import { DeltaDiscoveryResponseSchema } from "@legation/envoy-api/envoy/service/discovery/v3/discovery";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Resource } from "./resource.js";
import { createScene, resource, type Scene } from "./testing/scene.js";
import { DeltaClient, SotwClient, settle } from "./testing/scripted-client.js";
import { TypeUrl } from "./type.js";

const { cluster, endpoint, listener, route } = TypeUrl;
const types = [cluster, endpoint, listener, route];
const names = ["a", "b", "c", "d", "e"];

type Step =
  | { readonly kind: "set" | "remove"; readonly typeUrl: string; readonly name: string; readonly content: number }
  | { readonly kind: "subscribe" | "unsubscribe"; readonly typeUrl: string; readonly name: string }
  | { readonly kind: "answer"; readonly refuse: boolean }
  | { readonly kind: "stall" | "resume" | "stale" | "reconnect" }
  | { readonly kind: "wait"; readonly ms: number };

const typeUrl = fc.constantFrom(...types);
const name = fc.constantFrom(...names);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constantFrom("set" as const, "remove" as const), typeUrl, name, content: fc.nat(3) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("subscribe" as const, "unsubscribe" as const), typeUrl, name }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("answer" as const),
      refuse: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.boolean()),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom("stall" as const, "resume" as const, "stale" as const, "reconnect" as const) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.nat(3_000) }) },
);

/** What a well-behaved delta client does and remembers: clusters and listeners by wildcard, the rest by name. */
class Model {
  readonly held = new Map<string, Map<string, string>>(types.map((type) => [type, new Map()]));
  readonly wanted = new Map<string, Set<string>>([
    [endpoint, new Set(["a"])],
    [route, new Set(["a"])],
  ]);
  /** What the client asked to be sent again, so that a repetition has a cause. */
  readonly #again = new Set<string>();
  readonly #queue: { typeUrl: string; nonce: string; set: [string, string][]; removed: string[] }[] = [];
  client: DeltaClient;

  constructor(readonly scene: Scene) {
    this.client = this.#connect();
  }

  #connect(): DeltaClient {
    this.#queue.length = 0;
    const client = new DeltaClient(this.scene.server, "node");
    for (const type of types) {
      const initial = Object.fromEntries(this.held.get(type) ?? []);
      client.send({ typeUrl: type, resourceNamesSubscribe: [...(this.wanted.get(type) ?? [])], initialResourceVersions: initial });
    }
    return client;
  }

  reconnect(): void {
    this.client.call.closed();
    this.#again.clear();
    this.client = this.#connect();
  }

  change(kind: "subscribe" | "unsubscribe", type: string, changed: string): void {
    const wanted = this.wanted.get(type);
    if (!wanted) return;
    if (kind === "subscribe") {
      wanted.add(changed);
      this.#again.add(`${type} ${changed}`);
      this.client.send({ typeUrl: type, resourceNamesSubscribe: [changed] });
    } else if (wanted.delete(changed)) {
      this.held.get(type)?.delete(changed);
      this.client.send({ typeUrl: type, resourceNamesUnsubscribe: [changed] });
    }
  }

  /** Reads what came, and checks that each response is the only one outstanding of its type. */
  async read(): Promise<void> {
    for (const response of await this.client.take()) {
      expect(this.#queue.some((waiting) => waiting.typeUrl === response.typeUrl)).toBe(false);
      const set = response.resources.map((r): [string, string] => [r.name, r.version]);
      for (const [name, version] of set) {
        const repeated = this.held.get(response.typeUrl)?.get(name) === version;
        // What was on its way when the client asked again is no answer to that, so that only a repetition uses the cause up.
        const cause = !repeated || this.#again.delete(`${response.typeUrl} ${name}`);
        expect(cause, `${name} was sent twice without cause`).toBe(true);
      }
      this.#queue.push({ typeUrl: response.typeUrl, nonce: response.nonce, set, removed: response.removedResources });
    }
  }

  /** Answers the oldest response. Returns false when there is none. */
  answer(refuse: boolean): boolean {
    const response = this.#queue.shift();
    if (!response) return false;
    const { typeUrl, nonce, set, removed } = response;
    if (refuse && set.length > 0) {
      this.client.send({ typeUrl, responseNonce: nonce, errorDetail: { code: 3, message: "no" } });
      for (const [name] of set) this.#again.add(`${typeUrl} ${name}`);
      return true;
    }
    const held = this.held.get(typeUrl);
    const interested = (name: string) => this.wanted.get(typeUrl)?.has(name) ?? true;
    for (const [name, version] of set) if (interested(name)) held?.set(name, version);
    for (const name of removed) held?.delete(name);
    this.client.send({ typeUrl, responseNonce: nonce });
    return true;
  }
}

async function play(model: Model, steps: readonly Step[]): Promise<void> {
  const { scene } = model;
  for (const step of steps) {
    if (step.kind === "set") scene.cache.patch("all", { set: [resource(step.typeUrl, step.name, String(step.content))] });
    else if (step.kind === "remove") scene.cache.patch("all", { remove: [step] });
    else if (step.kind === "subscribe" || step.kind === "unsubscribe") model.change(step.kind, step.typeUrl, step.name);
    else if (step.kind === "answer") {
      await model.read();
      model.answer(step.refuse);
    } else if (step.kind === "stall") model.client.wire.stalled = true;
    else if (step.kind === "resume") model.client.wire.resume();
    else if (step.kind === "stale") model.client.send({ typeUrl: endpoint, responseNonce: "stale" });
    else if (step.kind === "reconnect") model.reconnect();
    else if (step.kind === "wait") await scene.clock.advance(step.ms);
  }
}

/** Lets the client take everything, past every back-off. */
async function quiesce(model: Model): Promise<void> {
  model.client.wire.resume();
  for (let calm = 0; calm < 3; ) {
    await model.scene.clock.advance(600_000);
    await model.read();
    calm = model.answer(false) ? 0 : calm + 1;
  }
}

/** What exists for the client, by type. */
function truth(model: Model): Map<string, Map<string, string>> {
  const layer = model.scene.cache.layer("all");
  return new Map(
    types.map((type) => {
      const all = [...(layer?.get(type)?.values() ?? [])].filter((r: Resource) => model.wanted.get(type)?.has(r.name) ?? true);
      return [type, new Map(all.map((r) => [r.name, r.version]))];
    }),
  );
}

const sorted = (state: Map<string, Map<string, string>>) => [...state].map(([type, held]) => [type, [...held].sort()]);

describe("random histories", () => {
  it("end with a delta client that holds exactly what exists, and was sent nothing twice without cause", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const model = new Model(createScene({ emptyAssignments: false }));
        await play(model, steps);
        await quiesce(model);
        expect(sorted(model.held)).toEqual(sorted(truth(model)));
      }),
      { numRuns: 500 },
    );
  });

  it("end with a state-of-the-world client that holds exactly what exists", async () => {
    const change = fc.record({ remove: fc.boolean(), name, content: fc.nat(3), answers: fc.nat(2), refuse: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 40 }), async (changes) => {
        const { cache, server, clock } = createScene();
        const client = new SotwClient(server);
        client.ask(cluster, []);
        let held: string[] = [];
        const answer = async (refuse: boolean) => {
          for (const response of await client.take()) {
            if (refuse) client.nack(response, "no");
            else {
              held = response.resources.map((r) => Buffer.from(r.value).toString("hex")).sort();
              client.ack(response);
            }
          }
        };
        for (const { remove, name, content, answers, refuse } of changes) {
          if (remove) cache.patch("all", { remove: [{ typeUrl: cluster, name }] });
          else cache.patch("all", { set: [resource(cluster, name, `${name}${content}`)] });
          for (let i = 0; i < answers; i += 1) await answer(refuse);
        }
        for (let i = 0; i < 12; i += 1) {
          await clock.advance(600_000);
          await answer(false);
        }
        const exists = [...(cache.layer("all")?.get(cluster)?.values() ?? [])];
        expect(held).toEqual(exists.map((r) => Buffer.from(r.bytes).toString("hex")).sort());
      }),
      { numRuns: 60 },
    );
  });

  it("never break the order of types: no route before the cluster that it names, no cluster gone while a route names it", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(name, fc.boolean()), { minLength: 1, maxLength: 20 }), async (moves) => {
        const { cache, server } = createScene();
        const state = (target: string) => [resource(cluster, target), resource(endpoint, target), resource(route, "r", target)];
        cache.replace("all", state("a"));
        const client = new DeltaClient(server);
        client.send({ typeUrl: cluster });
        client.send({ typeUrl: endpoint, resourceNamesSubscribe: names });
        client.send({ typeUrl: route, resourceNamesSubscribe: ["r"] });
        const clusters = new Set<string>();
        let routed: string | undefined;
        const read = async () => {
          const responses = await client.take();
          for (const response of responses) {
            for (const r of response.resources) {
              if (response.typeUrl === cluster) clusters.add(r.name);
              if (response.typeUrl === route)
                routed = Buffer.from(r.resource?.value ?? [])
                  .subarray(2)
                  .toString();
            }
            if (response.typeUrl === cluster) for (const gone of response.removedResources) clusters.delete(gone);
            if (routed !== undefined) expect(clusters.has(routed), `the route names ${routed}`).toBe(true);
            client.ack(response);
          }
          return responses.length > 0;
        };
        while (await read());
        for (const [target, patient] of moves) {
          cache.replace("all", state(target));
          if (patient) while (await read());
          else await read();
        }
        while (await read());
        expect(routed).toBe(moves.at(-1)?.[0]);
        await settle();
      }),
      { numRuns: 500 },
    );
  });
});

it("takes any bytes for a request without harm to the process", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, sotw) => {
      const { server } = createScene();
      const client = sotw ? new SotwClient(server) : new DeltaClient(server);
      client.sendBytes(bytes);
      client.sendBytes(toBinary(DeltaDiscoveryResponseSchema, create(DeltaDiscoveryResponseSchema, { typeUrl: cluster })));
      expect(client.ended === undefined || client.ended.message.length > 0).toBe(true);
    }),
    { numRuns: 500 },
  );
});
