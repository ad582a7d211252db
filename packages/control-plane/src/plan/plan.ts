/** What applying policies would change: which proxies get what, and where requests of a sample would go. */
import type { OwnPlan, Plan, ResourceChange, RouteChange, SampleRequest } from "@legation/contract/api";
import { affectedBy, changedKeys, type Documents, policySet } from "@legation/mesh/policy";
import { type Clock, LegationError, messageOf } from "@legation/runtime";
import type { ConnectedProxy } from "../reconcile/nodes.js";
import type { Replica } from "../replicas/directory.js";
import { createResourceChanges } from "./resource-changes.js";
import { createRouteChanges } from "./route-changes.js";
import { createShadowMesh, type ShadowSource } from "./shadow-mesh.js";

/** The path by which replicas ask each other. */
export const planPath = "/api/policies/plan";

/** What is planned. */
export interface Planned {
  /** All documents as they are, and as they would be. */
  readonly before: Documents;
  readonly after: Documents;
  readonly requests: readonly SampleRequest[];
}

/** Compiling goes on for this long before other work has its turn; milliseconds. */
const slice = 20;
/** Plans that wait for their turn, at most: each compiles the mesh twice. */
const mostWaiting = 4;
/** How long another replica is waited for; milliseconds. */
const askLimit = 100_000;

/** Plans. */
export interface Planner {
  /** For the proxies of this replica; one plan after the other. Rejects with the signal's reason, and LegationError `policy.busy`. */
  own(planned: Planned, signal: AbortSignal): Promise<OwnPlan>;
  /** For all; `body` is what the other replicas are asked, by HTTP. Rejects as `own` does. */
  everywhere(planned: Planned, body: object, signal: AbortSignal): Promise<Plan>;
}

/** Makes the planner. */
export function createPlanner(o: {
  readonly mesh: ShadowSource;
  readonly connected: () => readonly ConnectedProxy[];
  readonly others: () => readonly Replica[];
  readonly ask: (to: Replica, path: string, body: unknown, limitMs: number, signal: AbortSignal) => Promise<unknown>;
  readonly clock: Clock;
}): Planner {
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;

  async function own(planned: Planned, signal: AbortSignal): Promise<OwnPlan> {
    if (waiting > mostWaiting) throw new LegationError("policy.busy", `${mostWaiting} plans wait for their turn already. Try again soon`);
    waiting++;
    const mine = last.then(() => {
      signal.throwIfAborted();
      return plan(planned, signal);
    });
    last = mine.catch(() => undefined);
    try {
      return await mine;
    } finally {
      waiting--;
    }
  }

  async function plan({ before, after, requests }: Planned, signal: AbortSignal): Promise<OwnPlan> {
    const connected = o.connected();
    const [now, then] = [before, after].map((documents) => createShadowMesh(o.mesh, policySet(documents.values()), o.clock));
    const resources = createResourceChanges();
    const routes = createRouteChanges(requests);
    const changedProxies: { node: string; service: string }[] = [];
    try {
      let turnEnds = o.clock.monotonic() + slice;
      for (const proxy of concerned(connected, before, after)) {
        if (!now || !then) break;
        const [is, willBe] = [now.resourcesOf(proxy), then.resourcesOf(proxy)];
        if (resources.add(proxy.node, is, willBe)) {
          changedProxies.push({ node: proxy.node, service: proxy.metadata.service });
          routes.add(proxy, is, willBe);
        }
        if (o.clock.monotonic() < turnEnds) continue;
        await o.clock.sleep(0);
        signal.throwIfAborted();
        turnEnds = o.clock.monotonic() + slice;
      }
      const changed = changedProxies.length;
      return { proxies: connected.length, changed, changedProxies, resources: resources.list(), requests: routes.list() };
    } finally {
      now?.stop();
      then?.stop();
    }
  }

  return {
    own,
    async everywhere(planned, body, signal) {
      const asked = o.others().map(async (replica) => {
        try {
          const answer = await o.ask(replica, planPath, { ...body, relayed: true }, askLimit, signal);
          return isPlan(answer) ? answer : `${replica.address} answered with something else`;
        } catch (error) {
          signal.throwIfAborted();
          return `${replica.address} ${messageOf(error)}`;
        }
      });
      const [mine, ...answers] = await Promise.all([own(planned, signal), ...asked]);
      const plans = [mine, ...answers.filter((answer): answer is OwnPlan => typeof answer !== "string")];
      return { ...merged(plans), silent: answers.filter((answer): answer is string => typeof answer === "string") };
    },
  };
}

/** The proxies that get something of a service that a changed document says something of. */
function concerned(connected: readonly ConnectedProxy[], before: Documents, after: Documents): readonly ConnectedProxy[] {
  const services = new Set<string>();
  for (const key of changedKeys(before, after)) {
    for (const document of [before.get(key), after.get(key)]) {
      const affected = document ? affectedBy(document) : [];
      if (affected === "all") return connected;
      for (const service of affected) services.add(service);
    }
  }
  return connected.filter(({ metadata, clusters }) => services.has(metadata.service) || clusters.some((name) => services.has(name)));
}

function merged(plans: readonly OwnPlan[]): Omit<Plan, "silent"> {
  const resources = new Map<string, ResourceChange>();
  for (const change of plans.flatMap((plan) => plan.resources)) {
    const id = `${change.typeUrl} ${change.name} ${change.from} ${change.to}`;
    const known = resources.get(id);
    resources.set(id, { ...change, proxies: union(known?.proxies, change.proxies) });
  }
  const requests = new Map<string, RouteChange>();
  for (const change of plans.flatMap((plan) => plan.requests)) {
    const id = JSON.stringify([change.request, change.from, change.now, change.next]);
    requests.set(id, { ...change, proxies: union(requests.get(id)?.proxies, change.proxies) });
  }
  const sum = (count: (plan: OwnPlan) => number) => plans.reduce((total, plan) => total + count(plan), 0);
  return {
    proxies: sum(({ proxies }) => proxies),
    changed: sum(({ changed }) => changed),
    resources: [...resources].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, change]) => change),
    requests: [...requests.values()],
    changedProxies: plans.flatMap((plan) => plan.changedProxies),
    replicas: plans.length,
  };
}

function union(a: readonly string[] = [], b: readonly string[]): readonly string[] {
  return [...new Set([...a, ...b])].sort();
}

function isPlan(value: unknown): value is OwnPlan {
  return typeof value === "object" && value !== null && "resources" in value && "requests" in value && "changedProxies" in value;
}
