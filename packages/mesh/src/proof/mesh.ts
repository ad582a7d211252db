/** A caller's Envoy and instances of one service behind theirs, on one machine, from compiled resources. */
import { Agent, request } from "node:http";
import type { JsonObject } from "@bufbuild/protobuf";
import type { NodeMetadata, Protocol } from "@legation/contract";
import type { Instance } from "../catalog/instance.js";
import { compileNode } from "../compile-node.js";
import { compileService } from "../compile-service.js";
import { noTraffic, type TrafficPolicies } from "../policy/traffic/traffic-policies.js";
import { type Application, startApplication } from "./application.js";
import { type RunningEnvoy, startEnvoy } from "./envoy.js";
import { resourceJson } from "./golden-case.js";

/** One instance: an application and its Envoy. */
export interface ProofInstance {
  readonly name: string;
  readonly app: Application;
  readonly envoy: RunningEnvoy;
}

/** What came back for a request; status 0 when the connection failed. */
export interface Reply {
  readonly status: number;
  readonly body: string;
  /** The response began, and broke off. */
  readonly cut?: boolean;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** `web`, which depends on `orders`, and instances of `orders`. */
export interface ProofMesh {
  readonly instances: readonly ProofInstance[];
  readonly caller: RunningEnvoy;
  readonly outbound: number;
  /** Sends a request as the application of `web` would. Never rejects. */
  send(o: {
    readonly method?: string;
    readonly host?: string;
    readonly path?: string;
    readonly headers?: Record<string, string>;
  }): Promise<Reply>;
  /** Has the caller follow other policies, and returns when it does. */
  follow(traffic: TrafficPolicies): Promise<void>;
  /** Tells the caller something else of the instances than that they are passing. */
  register(change: (instance: Instance) => Instance): Promise<void>;
  /** Ends everything. */
  stop(): Promise<void>;
}

/** Starts `count` instances of `orders` and the caller, under these policies. Ends what it started if that fails. */
export async function startProofMesh(count: number, protocol: Protocol = "http", traffic = noTraffic): Promise<ProofMesh> {
  const instances: ProofInstance[] = [];
  const apps: Application[] = [];
  let caller: RunningEnvoy | undefined;
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const stop = async () => {
    agent.destroy();
    await Promise.all([caller?.stop(), ...instances.map((i) => i.envoy.stop()), ...apps.map((app) => app.kill())]);
  };
  try {
    for (let i = 1; i <= count; i++) {
      const name = `orders-${i}`;
      const app = await startApplication(name, protocol);
      apps.push(app);
      instances.push({ name, app, envoy: await startEnvoy(sidecar("orders", app.port, protocol, [], traffic)) });
    }
    let policies = traffic;
    let orders = await Promise.all(instances.map((i) => registered(i, protocol)));
    const compiled = () => sidecar("web", 1, "http", orders, policies);
    caller = await startEnvoy(compiled());
    const outbound = await caller.port("outbound");
    const told = (envoy: RunningEnvoy) => updated(envoy, compiled());
    const running = caller;
    return {
      instances,
      caller,
      outbound,
      stop,
      send: (o) => send({ agent, outbound, ...o }),
      follow(next) {
        policies = next;
        return told(running);
      },
      register(change) {
        orders = orders.map(change);
        return told(running);
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function registered({ name, app, envoy }: ProofInstance, protocol: Protocol): Promise<Instance> {
  return {
    node: "machine",
    id: name,
    service: "orders",
    address: "127.0.0.1",
    port: app.port,
    mesh: { address: "127.0.0.1", port: await envoy.port("inbound") },
    tags: [],
    meta: { protocol },
    weights: { passing: 1, warning: 1 },
    checks: [],
    everPassed: true,
  };
}

function sidecar(
  service: string,
  appPort: number,
  protocol: Protocol,
  orders: readonly Instance[],
  traffic: TrafficPolicies,
): readonly JsonObject[] {
  const node: NodeMetadata = {
    api: 1,
    service,
    kind: "sidecar",
    inbound: "127.0.0.1:20000",
    app: `127.0.0.1:${appPort}`,
    outbound: "127.0.0.1:15001",
    protocol,
    dependencies: orders.length > 0 ? [{ name: "orders", optional: false }] : [],
  };
  const upstream = { name: "orders", instances: orders };
  const { cluster, endpoints } = compileService(upstream, traffic);
  const { view, instance } = compileNode(node, () => upstream, traffic);
  return [...view, ...instance, cluster, endpoints].map(resourceJson);
}

/** Gives a caller other resources and waits until it has taken every kind of them that differs. */
async function updated(caller: RunningEnvoy, next: readonly JsonObject[]): Promise<void> {
  const counters: Record<string, string> = {
    Cluster: "cluster_manager.cds.update_success",
    RouteConfiguration: "http.outbound.rds.outbound.update_success",
    ClusterLoadAssignment: "cluster.orders.update_success",
  };
  const before = await caller.stats();
  const changed = caller.update(next);
  const awaited = Object.entries(counters).filter(([type]) => changed.has(type));
  for (let i = 0; i < 1_000; i++) {
    const stats = await caller.stats();
    const taken = awaited.every(([, counter]) => (stats.get(counter) ?? 0) > (before.get(counter) ?? 0));
    if (taken && stats.get("cluster_manager.warming_clusters") === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`the caller did not take ${[...changed].join(" and ")}`);
}

/** Sends a request to an outbound listener. Never rejects. */
export function send(o: {
  readonly agent: Agent;
  readonly outbound: number;
  readonly method?: string;
  readonly host?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
}): Promise<Reply> {
  return new Promise((resolve) => {
    const { agent, outbound: port, method = "GET", host = "orders", path = "/", headers = {} } = o;
    const failed = (error: Error) => resolve({ status: 0, body: error.message, headers: {} });
    const sent = request({ agent, host: "127.0.0.1", port, method, path, headers: { host, ...headers } }, (response) => {
      let body = "";
      response.on("error", (error) =>
        resolve({ status: response.statusCode ?? 0, body: `${body}${error.message}`, cut: true, headers: {} }),
      );
      response.on("data", (chunk) => {
        body += String(chunk);
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }));
    });
    sent.on("error", failed);
    sent.end();
  });
}
