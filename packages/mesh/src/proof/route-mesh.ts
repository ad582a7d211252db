/** One caller's Envoy in front of applications without Envoys, under policies that can be changed while it runs. */
import { Agent } from "node:http";
import { dependencyOf, type NodeMetadata, type Protocol } from "@legation/contract";
import type { CatalogService } from "../catalog/instance.js";
import { compileNode } from "../compile-node.js";
import { compileService } from "../compile-service.js";
import type { TrafficPolicies } from "../policy/traffic/traffic-policies.js";
import type { Echo } from "./echo.js";
import { type RunningEnvoy, startEnvoy } from "./envoy.js";
import { resourceJson } from "./golden-case.js";
import { instance } from "./instances.js";
import { type Reply, send } from "./mesh.js";

/** The Envoy of `web` and what it calls. */
export interface RouteMesh {
  readonly envoy: RunningEnvoy;
  readonly outbound: number;
  /** Sends a request as the application of `web` would. Never rejects. */
  send(o: Omit<Parameters<typeof send>[0], "agent" | "outbound">): Promise<Reply>;
  /** Sends the request so often, 32 at once. */
  sendMany(count: number, o: Parameters<RouteMesh["send"]>[0]): Promise<readonly Reply[]>;
  /** A counter or gauge of the Envoy; 0 where it has none. */
  stat(name: string): Promise<number>;
  /** Gives the Envoy what follows from other policies. */
  apply(policies: TrafficPolicies): void;
  stop(): Promise<void>;
}

/** The instances of all services, called directly. */
export type RouteServices = readonly {
  readonly echo: Echo;
  /** The service that it is an instance of; its own name unless given. */
  readonly service?: string;
  readonly protocol: Protocol;
  readonly meta?: Readonly<Record<string, string>>;
}[];

/** Starts the Envoy of `web`, which depends on `dependencies`: names, with local ports where they have some. */
export async function startRouteMesh(o: {
  readonly dependencies: readonly string[];
  readonly services: RouteServices;
  readonly policies: TrafficPolicies;
}): Promise<RouteMesh> {
  const catalog = catalogOf(o.services);
  const node: NodeMetadata = {
    ...{ api: 1, service: "web", kind: "sidecar", protocol: "http" },
    ...{ inbound: "127.0.0.1:20000", app: "127.0.0.1:1", outbound: "127.0.0.1:15001" },
    dependencies: o.dependencies.map(dependencyOf),
  };
  const compiled = (policies: TrafficPolicies) => {
    const { view, instance: own, clusters } = compileNode(node, (name) => catalog.get(name), policies);
    const shared = clusters.flatMap((name) => {
      const { cluster, endpoints } = compileService(catalog.get(name) ?? { name, instances: [] }, policies);
      return [cluster, endpoints];
    });
    return [...view, ...own, ...shared].map(resourceJson);
  };
  const envoy = await startEnvoy(compiled(o.policies));
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  const outbound = await envoy.port("outbound");
  const sendOne: RouteMesh["send"] = (request) => send({ agent, outbound, ...request });
  return {
    envoy,
    outbound,
    send: sendOne,
    sendMany: (count, request) => Promise.all(Array.from({ length: count }, () => sendOne(request))),
    stat: async (name) => (await envoy.stats()).get(name) ?? 0,
    apply: (policies) => envoy.update(compiled(policies)),
    async stop() {
      agent.destroy();
      await envoy.stop();
    },
  };
}

function catalogOf(services: RouteServices): ReadonlyMap<string, CatalogService> {
  const catalog = new Map<string, CatalogService>();
  for (const { echo, service = echo.service, protocol, meta = {} } of services) {
    const { port } = echo;
    const instances = catalog.get(service)?.instances ?? [];
    const one = instance({ service, id: `${service}-${instances.length + 1}`, address: "127.0.0.1", port, meta: { protocol, ...meta } });
    catalog.set(service, { name: service, instances: [...instances, one] });
  }
  return catalog;
}
