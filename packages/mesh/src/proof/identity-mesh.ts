/** A caller `web` and an instance of `orders`, each behind an Envoy with a certificate or without, in any mode and through its changes. */
import { Agent } from "node:http";
import type { IdentityMode, NodeMetadata, Protocol, TlsState } from "@legation/contract";
import { compileAuthorization } from "../authorization/compile-authorization.js";
import type { Instance } from "../catalog/instance.js";
import { compileNode, hasIdentity } from "../compile-node.js";
import { compileService } from "../compile-service.js";
import { defaultSettings } from "../policy/traffic/settings.js";
import { noTraffic, type TrafficPolicies } from "../policy/traffic/traffic-policies.js";
import type { MeshResource } from "../resource.js";
import { type Application, startApplication } from "./application.js";
import type { NodeCertificates } from "./authority.js";
import { type RunningEnvoy, startEnvoy } from "./envoy.js";
import { resourceJson } from "./golden-case.js";
import { instance } from "./instances.js";
import { type Reply, send } from "./mesh.js";

/** Whose certificates count in these meshes. */
export const trust = { trustDomain: "test.consul", datacenter: "dc1" } as const;

/** Connections live for a second, so that a test sees what becomes of those that are open. */
const shortLived: Pick<TrafficPolicies, "base"> = {
  base: { ...defaultSettings, connections: { ...defaultSettings.connections, lifetime: 1_000 } },
};

/** How the service `orders` stands. */
export interface Standing {
  readonly mode: IdentityMode;
  /** What the instance's registration says; it says nothing of TLS without it. */
  readonly tls?: TlsState | undefined;
}

/** The two Envoys. */
export interface IdentityMesh {
  readonly caller: RunningEnvoy;
  readonly callee: RunningEnvoy;
  /** The callee's application. */
  readonly app: Application;
  /** The callee's inbound port. */
  readonly inbound: number;
  /** A request of `web` to `orders`. */
  call(): Promise<Reply>;
  /** The caller's local port of `orders`, where that speaks `tcp`. */
  localPort(): Promise<number>;
  /** Gives both Envoys what is compiled for another standing: the callee first, or the caller. */
  change(standing: Standing, first: "callee" | "caller"): void;
  stop(): Promise<void>;
}

/** The rules that let every caller with a certificate pass. */
export function openRules(service: string, protocol: Protocol): readonly MeshResource[] {
  const { rules } = compileAuthorization({ service, protocol, authorization: "off", intentions: undefined, byDefault: undefined, trust });
  return rules ? [rules] : [];
}

/** Starts both. Ends what it started if that fails. */
export async function startIdentityMesh(o: {
  readonly caller: NodeCertificates | undefined;
  readonly callee: NodeCertificates | undefined;
  readonly standing: Standing;
  readonly protocol?: Protocol;
  readonly policies?: TrafficPolicies;
}): Promise<IdentityMesh> {
  const { protocol = "http" } = o;
  const traffic: TrafficPolicies = { ...(o.policies ?? noTraffic), ...shortLived };
  const app = await startApplication("orders", protocol);
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const envoys: RunningEnvoy[] = [];
  const stop = async () => {
    agent.destroy();
    await Promise.all([...envoys.map((envoy) => envoy.stop()), app.kill()]);
  };
  const started = async (resources: Parameters<typeof startEnvoy>[0]) => {
    const envoy = await startEnvoy(resources);
    envoys.push(envoy);
    return envoy;
  };
  const node = (service: string, certificates: NodeCertificates | undefined): NodeMetadata => ({
    ...{ api: 1, service, kind: "sidecar", protocol: service === "orders" ? protocol : "http" },
    ...{ inbound: "127.0.0.1:20000", app: `127.0.0.1:${app.port}`, outbound: "127.0.0.1:15001" },
    dependencies: service === "web" ? [{ name: "orders", optional: false, ...(protocol === "tcp" ? { port: 15_432 } : {}) }] : [],
    ...(certificates ? { certificates: certificates.directory } : {}),
  });
  const registered = (port: number, { tls }: Standing): Instance =>
    instance({
      ...{ address: "127.0.0.1", port: app.port, mesh: { address: "127.0.0.1", port } },
      meta: { protocol, ...(tls ? { "legation-tls": tls } : {}) },
    });
  const policies = ({ mode }: Standing) => ({ mesh: {}, services: new Map([["orders", { mode }]]) });
  const calleeOf = (standing: Standing) => {
    const identity = { policies: policies(standing), trust, registered: registered(1, standing) };
    const { view, instance: own } = compileNode(node("orders", o.callee), () => undefined, traffic, identity);
    return [...view, ...own, ...openRules("orders", protocol)].map(resourceJson);
  };
  const callerOf = (standing: Standing, port: number) => {
    const service = { name: "orders", instances: [registered(port, standing)] };
    const { cluster, mutualCluster, endpoints } = compileService(service, traffic, { mode: standing.mode, trust });
    const self = node("web", o.caller);
    const { view, instance: own } = compileNode(self, () => service, traffic, { policies: policies(standing), trust });
    const clusters = [(hasIdentity(self) && mutualCluster) || cluster, endpoints];
    return [...view, ...own, ...openRules("web", "http"), ...clusters].map(resourceJson);
  };
  try {
    const callee = await started(calleeOf(o.standing));
    const inbound = await callee.port("inbound");
    const caller = await started(callerOf(o.standing, inbound));
    const outbound = await caller.port("outbound");
    return {
      ...{ caller, callee, app, inbound, stop },
      call: () => send({ agent, outbound }),
      localPort: () => caller.port("outbound:orders:15432"),
      change(standing, first) {
        const changes = [() => callee.update(calleeOf(standing)), () => caller.update(callerOf(standing, inbound))];
        for (const change of first === "callee" ? changes : changes.reverse()) change();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
