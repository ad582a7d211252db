import type { IdentityMode, NodeMetadata, Protocol, TlsState } from "@legation/contract";
import { endpointsLayer, type Instance, type Intention } from "@legation/mesh";
import { createLogger } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { createResourceCache, TypeUrl } from "@legation/xds";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { instance } from "../testing/catalog.js";
import { createTestEvents } from "../testing/events.js";
import { sidecarOf } from "../testing/sidecar.js";
import { createReconciler } from "./reconciler.js";

const place = { region: "", zone: "a" };
const trust = { trustDomain: "test.consul", datacenter: "dc1" };
const ids = ["o1", "o2"] as const;

function node(service: string, id: string, certificate: boolean, protocol: Protocol): NodeMetadata {
  return sidecarOf(service, service === "web" ? ["orders"] : [], { protocol, ...(certificate ? { certificates: `/run/${id}` } : {}) });
}

function registered(id: string, tls: TlsState | undefined): Instance {
  const mesh = { address: "10.0.0.1", port: 20_000 + ids.indexOf(id as "o1") };
  return instance("orders", id, { mesh, meta: tls ? { "legation-tls": tls } : {} });
}
const orders = (...tls: (TlsState | undefined)[]) => ({
  name: "orders",
  instances: tls.map((state, i) => registered(ids[i] ?? "", state)),
});
const policies = (mode: IdentityMode, service = "orders") => ({ mesh: {}, services: new Map([[service, { mode }]]) });

/** A replica, with what changed in its cache since `since` was emptied: layer, kind and name. */
function replica() {
  const clock = createTestClock();
  const cache = createResourceCache();
  const compiled = { service: 0, node: 0 };
  const since: string[] = [];
  const names = new Map<string, string>();
  cache.onChange((layer, changed) => {
    for (const [typeUrl, resources] of changed)
      since.push(`${names.get(layer) ?? layer} ${typeUrl.split(".").at(-1)} ${[...resources].sort().join(",")}`);
  });
  const reconciler = createReconciler({
    cache,
    events: createTestEvents(clock),
    metrics: { compiled: (what: "service" | "node") => compiled[what]++, published: () => undefined },
    leaving: { consulAnswers: () => true, atWork: () => true },
    clock,
    log: createLogger({ name: "test", level: "silent" }),
  });
  const claim = (service: string, id: string, certificate = true, protocol: Protocol = "http") => {
    const claimed = reconciler.claim(node(service, id, certificate, protocol), place, `n1/${id}`);
    const [own = "", view = ""] = claimed.view.layers;
    names.set(own, id);
    if (service === "web") names.set(view, `callers ${certificate ? "with" : "without"}`);
    return claimed;
  };
  const settle = () => clock.advance(1_000);
  return { cache, reconciler, compiled, since, claim, settle };
}

/** Two instances of `orders`, a caller with and one without a certificate, all in the registry and connected. */
async function scene(mode: IdentityMode, ...tls: (TlsState | undefined)[]) {
  const made = replica();
  const { reconciler, claim, settle, since, compiled } = made;
  reconciler.setPolicies(policies(mode));
  reconciler.setTrust(trust);
  reconciler.set(orders(...tls));
  reconciler.set({ name: "other", instances: [instance("other", "x1")] });
  await settle();
  const claims = { o1: claim("orders", "o1"), o2: claim("orders", "o2"), web: claim("web", "w1"), old: claim("web", "w2", false) };
  await settle();
  since.length = 0;
  Object.assign(compiled, { service: 0, node: 0 });
  return { ...made, claims };
}

describe("a change of identity reaches exactly whom it concerns", () => {
  test("off to permissive changes no resource: TLS was there, and callers use it when the registration says so", async () => {
    const { reconciler, settle, since } = await scene("off", undefined, undefined);
    reconciler.setPolicies(policies("permissive"));
    await settle();
    expect(since).toEqual([]);
    reconciler.set(orders("accepted", undefined));
    await settle();
    expect(since).toEqual(["endpoints ClusterLoadAssignment orders"]);
  });

  test("a tcp service's listener takes TLS in off only as long as a registration speaks of it", async () => {
    const { reconciler, settle, since, claim } = await scene("off", undefined, undefined);
    claim("orders", "o2", true, "tcp");
    await settle();
    const listeners = () => since.splice(0).filter((change) => change.includes("Listener"));
    listeners();
    for (const [mode, tls, changed] of [
      ["permissive", undefined, ["o2 Listener inbound"]],
      ["permissive", "accepted", []],
      ["off", "accepted", []],
      ["off", undefined, ["o2 Listener inbound"]],
    ] as const) {
      reconciler.set(orders(undefined, tls));
      reconciler.setPolicies(policies(mode));
      await settle();
      expect(listeners()).toEqual(changed);
    }
  });

  test("strict changes the cluster of callers with a certificate alone, and closes what says that TLS is required", async () => {
    const { reconciler, settle, since, claims } = await scene("permissive", "accepted", "accepted");
    reconciler.setPolicies(policies("strict"));
    await settle();
    expect(since).toEqual(["callers with Cluster orders"]);
    expect(claims.old.problems.map(({ code }) => code)).toContain("caller-without-certificate");
    expect(claims.web.problems).toEqual([]);
    since.length = 0;
    reconciler.set(orders("accepted", "required"));
    await settle();
    expect(since).toEqual(["o2 Listener inbound"]);
  });

  test("back from strict opens plain text everywhere before anything is registered anew", async () => {
    const { reconciler, settle, since } = await scene("strict", "required", "required");
    reconciler.setPolicies(policies("permissive"));
    await settle();
    const rules = "authorization TypedExtensionConfig intentions/http/orders";
    expect(since.sort()).toEqual([rules, "callers with Cluster orders", "o1 Listener inbound", "o2 Listener inbound"]);
  });

  test("an instance that the registry does not have yet begins without plain text, and one without TLS keeps it", async () => {
    const { reconciler, settle, since } = await scene("strict", undefined);
    reconciler.set(orders(undefined, undefined));
    await settle();
    expect(since).toContain("o2 Listener inbound");
    expect(since).not.toContain("o1 Listener inbound");
  });

  test("a policy of another service compiles nothing of this one, and the same policies compile nothing at all", async () => {
    const { reconciler, settle, since, compiled } = await scene("permissive", "accepted", "accepted");
    reconciler.setPolicies({ mesh: {}, services: new Map([...policies("permissive").services, ["other", { mode: "strict" }]]) });
    await settle();
    expect(compiled).toEqual({ service: 1, node: 0 });
    reconciler.setPolicies({ mesh: {}, services: new Map([...policies("permissive").services, ["other", { mode: "strict" }]]) });
    reconciler.setTrust({ ...trust });
    await settle();
    expect(compiled).toEqual({ service: 1, node: 0 });
    expect(since).toEqual([]);
  });

  test("another trust domain changes all that holds a certificate to it, and callers without one not", async () => {
    const { reconciler, settle, since } = await scene("permissive", "accepted", "accepted");
    reconciler.setTrust({ ...trust, trustDomain: "new.consul" });
    await settle();
    expect(since.sort()).toEqual(["callers with Cluster orders", "o1 Listener inbound", "o2 Listener inbound", "w1 Listener inbound"]);
  });

  test("an intention changes the rules of its destination, and no listener", async () => {
    const { reconciler, settle, since } = await scene("permissive", "accepted", "accepted");
    const service = (name: string) => ({ namespace: "default", name });
    const intention = (to: string): Intention => ({ source: service("web"), destination: service(to), rule: "deny" });
    const rulesOf = (name: string) => `authorization TypedExtensionConfig intentions/http/${name}`;
    reconciler.setIntentions({ byDefault: "allow", intentions: [] });
    await settle();
    expect(since.splice(0)).toEqual([rulesOf("orders")]);
    reconciler.setIntentions({ byDefault: "allow", intentions: [intention("orders"), intention("elsewhere")] });
    await settle();
    expect(since.splice(0)).toEqual([rulesOf("orders")]);
    reconciler.setIntentions({ byDefault: "allow", intentions: [intention("elsewhere"), intention("orders")] });
    reconciler.setIntentions({ byDefault: "allow", intentions: [intention("orders")] });
    await settle();
    expect(since).toEqual([]);
    reconciler.setIntentions({ byDefault: "deny", intentions: [intention("*")] });
    await settle();
    expect(since).toEqual([rulesOf("orders")]);
  });

  test("what is to be enforced and not known is told as a problem, and no rules are made up", async () => {
    const { reconciler, settle, since } = await scene("strict", "accepted", "accepted");
    since.length = 0;
    expect(reconciler.problems("orders")).toContainEqual(
      expect.objectContaining({ code: "authorization", message: expect.stringContaining("not known") }),
    );
    reconciler.setIntentions({ byDefault: undefined, intentions: [] });
    await settle();
    expect(reconciler.problems("orders")).toContainEqual(
      expect.objectContaining({ message: expect.stringContaining("--default-intention") }),
    );
    expect(since).toEqual([]);
    reconciler.setIntentions({ byDefault: "deny", intentions: [] });
    await settle();
    expect(reconciler.problems("orders").filter(({ code }) => code === "authorization")).toEqual([]);
    expect(since).toEqual(["authorization TypedExtensionConfig intentions/http/orders"]);
  });
});

test("nothing is said of a mode before the policies are known, and nobody is served before the trust is", () => {
  const { reconciler } = replica();
  expect(reconciler.identity("orders")).toBeUndefined();
  reconciler.setPolicies(policies("strict"));
  expect(reconciler.identity("orders")?.mode).toBe("strict");
  expect(reconciler.identityKnown()).toBe(false);
  reconciler.setTrust(undefined);
  expect(reconciler.identityKnown()).toBe(true);
});

type Step = (to: ReturnType<typeof replica>) => void;

const anyMode = fc.constantFrom<IdentityMode>("off", "permissive", "strict");
const anyTls = fc.constantFrom<TlsState | undefined>(undefined, "accepted", "required");
const anyTrust = fc.constantFrom(trust, undefined, { ...trust, datacenter: "dc2" });
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  anyMode.map(
    (mode): Step =>
      ({ reconciler }) =>
        reconciler.setPolicies({ mesh: { mode }, services: new Map() }),
  ),
  anyMode.map(
    (mode): Step =>
      ({ reconciler }) =>
        reconciler.setPolicies(policies(mode)),
  ),
  anyTrust.map(
    (known): Step =>
      ({ reconciler }) =>
        reconciler.setTrust(known),
  ),
  fc.array(anyTls, { maxLength: 2 }).map(
    (tls): Step =>
      ({ reconciler }) =>
        reconciler.set(orders(...tls)),
  ),
  fc.constant<Step>(({ reconciler }) => reconciler.remove("orders")),
  fc.constant<Step>(({ reconciler }) => reconciler.flush()),
  fc.constantFrom("o1", "o2").map(
    (id): Step =>
      ({ claim }) =>
        void claim("orders", id),
  ),
  fc.boolean().map(
    (certificate): Step =>
      ({ claim }) =>
        void claim("web", certificate ? "w1" : "w2", certificate),
  ),
);

test("two replicas give equal resources, of equal versions, by whatever way they came to know the same", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyStep, { maxLength: 12 }),
      anyMode,
      anyTrust,
      fc.array(anyTls, { maxLength: 2 }),
      async (way, mode, known, tls) => {
        const end = async (made: ReturnType<typeof replica>) => {
          made.reconciler.setPolicies(policies(mode));
          made.reconciler.setTrust(known);
          made.reconciler.set(orders(...tls));
          await made.settle();
          const claims = [made.claim("orders", "o1"), made.claim("orders", "o2"), made.claim("web", "w1"), made.claim("web", "w2", false)];
          const layers = [...new Set(claims.flatMap(({ view }) => view.layers)), endpointsLayer];
          const versions = layers.map((layer) =>
            [...(made.cache.layer(layer)?.entries() ?? [])].flatMap(([url, resources]) =>
              [...resources.values()].map(({ name, version }) => `${layer} ${url} ${name} ${version}`),
            ),
          );
          return { versions: versions.flat().sort(), problems: claims.map(({ problems }) => problems) };
        };
        const [fresh, old] = [replica(), replica()];
        for (const step of way) step(old);
        expect(await end(old)).toEqual(await end(fresh));
      },
    ),
    { numRuns: 60 },
  );
});

test("a node's secrets come with its own layer, so that they are there before what needs them", async () => {
  const { claims, cache } = await scene("strict", "required", "required");
  const [own = "", view = ""] = claims.web.view.layers;
  expect([...(cache.layer(own)?.get(TypeUrl.secret)?.keys() ?? [])].sort()).toEqual(["leaf", "roots"]);
  expect(cache.layer(view)?.get(TypeUrl.secret)).toBeUndefined();
  const [old = ""] = claims.old.view.layers;
  expect(cache.layer(old)?.get(TypeUrl.secret)).toBeUndefined();
});
