/** A mesh of any size without processes: a registry, policies, a sidecar of each service, and the real reconciler in between. */
import type { NodeMetadata } from "@legation/contract";
import { createReconciler, type Reconciler } from "@legation/control-plane/reconcile";
import { type CatalogService, type Instance, noIdentityPolicies } from "@legation/mesh";
import { type PolicyDocument, policySet, trafficPolicies } from "@legation/mesh/policy";
import { createLogger, systemClock } from "@legation/runtime";
import { createResourceCache } from "@legation/xds";

/** Instances of each service, and services that each calls: the same in meshes of all sizes. */
const instances = 5;
const calls = 5;

/** What one change cost. */
export interface Cost {
  /** From the change to all resources in the cache; milliseconds. */
  readonly ms: number;
  /** Services and views that were compiled, and resources that differ. */
  readonly compiled: number;
  readonly changed: number;
}

/** The mesh. Every service has a sidecar that calls the next five. */
export interface BenchMesh {
  readonly policies: number;
  readonly views: number;
  /** One instance of service `i` goes bad, or comes back. */
  flap(i: number): Promise<Cost>;
  /** The `Service` policy of one service says something else. */
  service(i: number): Promise<Cost>;
  route(i: number): Promise<Cost>;
  meshDefaults(): Promise<Cost>;
  stop(): void;
}

const nameOf = (i: number) => `service-${i}`;

function registered(i: number, bad: boolean): CatalogService {
  const all = Array.from(
    { length: instances },
    (_, j): Instance => ({
      node: `node-${(i + j) % 100}`,
      id: `${nameOf(i)}-${j}`,
      service: nameOf(i),
      address: `10.${i >> 8}.${i & 255}.${j + 1}`,
      port: 8_000,
      tags: [],
      meta: { version: "1", zone: `z${j % 3}` },
      weights: { passing: 1, warning: 1 },
      checks: [{ id: "ttl", name: "heartbeat", status: bad && j === 0 ? "critical" : "passing", output: "" }],
      everPassed: true,
    }),
  );
  return { name: nameOf(i), instances: all };
}

const head = { apiVersion: "legation/v1" } as const;
const meshDocument = (turn: number): PolicyDocument => ({
  ...head,
  kind: "MeshDefaults",
  name: "mesh",
  timeouts: { request: `${20_000 + turn}ms` },
});
const serviceDocument = (i: number, turn: number): PolicyDocument => ({
  ...head,
  kind: "Service",
  name: nameOf(i),
  retries: { attempts: 1 + (turn % 3), budget: "20%" },
  timeouts: { request: `${10_000 + turn}ms` },
});
const routeDocument = (i: number, turn: number): PolicyDocument => ({
  ...head,
  kind: "Route",
  name: nameOf(i),
  service: nameOf(i),
  rules: [
    { match: { headers: { "x-beta": { exact: String(turn) } } }, to: [{ service: nameOf(i + 1) }] },
    { match: { path: { prefix: "/slow" } }, timeouts: { request: "1m" } },
  ],
});

/** Makes the mesh with a policy for every tenth service, a `Service` and a `Route` in turn, and resolves once all of it is compiled. */
export async function createBenchMesh(services: number): Promise<BenchMesh> {
  const cache = createResourceCache();
  let changed = 0;
  let compiled = 0;
  let idle: (() => void) | undefined;
  cache.onChange((_layer, by) => {
    for (const [, names] of by) changed += names.size;
  });
  const reconciler: Reconciler = createReconciler({
    cache,
    events: { tell: () => undefined, settle: () => undefined },
    metrics: {
      compiled: () => {
        compiled++;
      },
      published: () => undefined,
    },
    leaving: { consulAnswers: () => true, atWork: () => true },
    clock: systemClock,
    log: createLogger({ name: "bench", level: "silent" }),
    caughtUp: () => idle?.(),
  });

  const documents = new Map<string, PolicyDocument>();
  const put = (document: PolicyDocument) => documents.set(`${document.kind}/${document.name}`, document);
  const take = (all: Iterable<PolicyDocument>) => reconciler.setPolicies(noIdentityPolicies, trafficPolicies(policySet(all)));

  async function measured(change: () => void): Promise<Cost> {
    const before = { changed, compiled, at: performance.now() };
    const done = new Promise<void>((resolve) => {
      idle = resolve;
    });
    change();
    reconciler.flush();
    await done;
    return { ms: performance.now() - before.at, compiled: compiled - before.compiled, changed: changed - before.changed };
  }

  put(meshDocument(0));
  for (let i = 0; i < services; i += 10) put(i % 20 === 0 ? serviceDocument(i, 0) : routeDocument(i, 0));
  for (let i = 0; i < services; i++) reconciler.set(registered(i, false));
  reconciler.setTrust(undefined);
  await measured(() => take(documents.values()));
  for (let i = 0; i < services; i++) reconciler.claim(nodeOf(i, services), { region: "", zone: "z0" }, `node-${i}/${nameOf(i)}-0`);

  const bad = new Set<number>();
  let turn = 0;
  const changing = (make: (i: number, turn: number) => PolicyDocument) => (i: number) => {
    put(make(i, ++turn));
    // As they come from the store: none is the same value as before.
    const read = structuredClone([...documents.values()]);
    return measured(() => take(read));
  };
  return {
    policies: documents.size,
    views: services,
    flap: (i) =>
      measured(() => {
        if (!bad.delete(i)) bad.add(i);
        reconciler.set(registered(i, bad.has(i)));
      }),
    service: changing(serviceDocument),
    route: changing(routeDocument),
    meshDefaults: () => changing((_i, now) => meshDocument(now))(0),
    stop: () => reconciler.stop(),
  };
}

function nodeOf(i: number, services: number): NodeMetadata {
  return {
    api: 1,
    service: nameOf(i),
    kind: "sidecar",
    inbound: "127.0.0.1:20000",
    app: "127.0.0.1:8000",
    outbound: "127.0.0.1:15001",
    protocol: "http",
    dependencies: Array.from({ length: calls }, (_, j) => ({ name: nameOf((i + j + 1) % services), optional: false })),
  };
}
