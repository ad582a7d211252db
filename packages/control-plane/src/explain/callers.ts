/** The proxies that send a service's requests: connected here, connected to other control planes, or, without any, as the registry describes them. */
import { decodeNodeMetadata, defaultOutbound, encodeNodeMetadata, instanceKey, type NodeMetadata } from "@legation/contract";
import { addressOf, type CatalogService, type Instance, keyOf, metaOf } from "@legation/mesh";
import type { StreamStatus } from "@legation/xds";
import type { ConnectedProxy } from "../reconcile/nodes.js";
import type { Gather } from "../replicas/gather.js";

/** A proxy of the service. */
export interface Caller {
  /** `<Consul node>/<service id>`. */
  readonly instance: string;
  readonly node: NodeMetadata;
  readonly region: string;
  readonly zone: string;
  /** What of its configuration it has not taken, in words. */
  readonly notes: readonly string[];
}

/** How a caller goes from one control plane to another. */
export interface ToldCaller extends Omit<Caller, "node"> {
  /** `encodeNodeMetadata`. */
  readonly node: Record<string, unknown>;
}

/** Who calls as a service. */
export interface Callers {
  /** The service of a proxy that is connected here, by its instance. */
  serviceOf(instance: string): string | undefined;
  /** Those that are connected here, for other control planes; at most `mostCallers`. */
  own(service: string): readonly ToldCaller[];
  /** All, sorted by name; what the registry says stands in for instances without a proxy that is connected anywhere. */
  all(service: string, signal?: AbortSignal): Promise<{ readonly callers: readonly Caller[]; readonly silent: readonly string[] }>;
}

/** The path by which control planes ask each other. */
export const callersPath = "/v1/agents/explain/callers";

/** Proxies of one service that are told of, at most. */
export const mostCallers = 200;

/** A proxy that has not answered for so long may still have what was before; milliseconds. */
const lateAfter = 5_000;

/** Makes it. */
export function createCallers(o: {
  readonly connected: () => readonly ConnectedProxy[];
  readonly streams: (wanted: (node: string) => boolean) => readonly StreamStatus[];
  readonly service: (name: string) => CatalogService | undefined;
  readonly gather: Gather;
  readonly now: () => number;
}): Callers {
  const here = (service: string): readonly Caller[] =>
    o
      .connected()
      .filter(({ metadata }) => metadata.service === service)
      .slice(0, mostCallers)
      .map(({ node, metadata, place }) => ({ instance: node, node: metadata, ...place, notes: notesOf(node) }));

  const notesOf = (node: string): readonly string[] =>
    o
      .streams((one) => one === node)
      .flatMap(({ types }) => types)
      .flatMap(({ rejected, outstandingSince }) => [
        ...rejected.map(({ name, message }) => `${node} refused ${name} and keeps what it had: ${message.slice(0, 300)}`),
        ...(outstandingSince !== undefined && o.now() - outstandingSince > lateAfter
          ? [
              `${node} has not answered since ${new Date(outstandingSince).toISOString()} what it was sent: it may still do what was right before`,
            ]
          : []),
      ]);

  return {
    serviceOf: (instance) => o.connected().find(({ node }) => node === instance)?.metadata.service,
    own: (service) => here(service).map((caller) => ({ ...caller, node: encodeNodeMetadata(caller.node) })),
    async all(service, signal) {
      const { answers, silent } = await o.gather({
        path: callersPath,
        body: () => ({ relayed: true, service }),
        read: readCallers,
        ...(signal ? { signal } : {}),
      });
      const found = new Map<string, Caller>();
      for (const caller of [...answers.flatMap(({ value }) => value), ...here(service)]) found.set(caller.instance, caller);
      for (const instance of o.service(service)?.instances ?? []) {
        const key = keyOf(instance);
        if (!found.has(key)) found.set(key, registered(instance, silent.length > 0));
      }
      const callers = [...found.values()].sort((a, b) => (a.instance < b.instance ? -1 : 1));
      return { callers: callers.slice(0, mostCallers), silent };
    },
  };
}

function readCallers(answer: unknown): readonly Caller[] {
  if (!Array.isArray(answer)) throw new Error("answered with something else");
  return answer.map((one: ToldCaller) => {
    const node = decodeNodeMetadata(one.node);
    if (typeof node === "string") throw new Error(`told of a proxy that cannot be used: ${node}`);
    return { ...one, node };
  });
}

/** What its proxy would say of itself, as far as its registration tells. */
function registered(instance: Instance, someSilent: boolean): Caller {
  const { dependencies, protocol, tls, region = "", zone = "" } = metaOf(instance);
  const { host, port } = addressOf(instance);
  const at = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const where = someSilent ? "a control plane that answers" : "any control plane";
  const note = `${keyOf(instance)} has no proxy that is connected to ${where}: this is what its proxy would do`;
  const own: NodeMetadata = {
    ...{ api: 1, service: instance.service, kind: "sidecar", inbound: at, app: at, outbound: defaultOutbound, protocol, dependencies },
    ...(tls ? { certificates: "/" } : {}),
  };
  return { instance: instanceKey(instance.node, instance.id), node: own, region, zone, notes: [note] };
}
