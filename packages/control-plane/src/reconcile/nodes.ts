/** The connected proxies: who they are, and the layers that each of their streams claims. */
import { decodeNodeMetadata, type NodeMetadata } from "@legation/contract";
import type { Node } from "@legation/envoy-api/envoy/config/core/v3/base";
import { hasIdentity, type Problem } from "@legation/mesh";
import { type Clock, type Logger, messageOf } from "@legation/runtime";
import type { NodeView, StreamOpened, XdsEvent } from "@legation/xds";
import type { Reconciler } from "./reconciler.js";
import type { NodeClaim, NodePlace } from "./views.js";

/** A stream as the mesh sees it. */
export interface ConnectedNode {
  readonly service: string;
  readonly kind: NodeMetadata["kind"];
  readonly problems: readonly Problem[];
  /** The layers that it sees by a wildcard. */
  readonly layers: readonly string[];
  /** Resources sent on this stream, counting each time. */
  readonly resourcesSent: number;
}

/** A proxy as `claim` knows it. */
export interface ConnectedProxy {
  /** `<Consul node>/<service id>`. */
  readonly node: string;
  readonly metadata: NodeMetadata;
  readonly place: NodePlace;
  /** The services whose clusters it gets. */
  readonly clusters: readonly string[];
}

/** The connected proxies. */
export interface Nodes {
  /** The layers of a node; undefined as long as there is no state to serve, and for a node whose metadata says nothing usable. */
  view(node: Node): NodeView | undefined;
  /** Follows the streams as they open, are sent something, and close. */
  take(event: XdsEvent): void;
  /** By stream; undefined for a stream whose node cannot be served. */
  get(stream: number): ConnectedNode | undefined;
  /** The proxies, each once. */
  connected(): readonly ConnectedProxy[];
  /** Distinct proxies that get a service's cluster. */
  subscribers(service: string): number;
  /** Proxies that got a service's cluster and whose last stream here ended: until when each is expected back, on the monotonic clock. */
  returning(service: string): readonly number[];
  /** Of the proxies that get a service's cluster those that have no certificate, each once. */
  withoutCertificate(service: string): readonly string[];
  /** What is wrong with the descriptions of the connected nodes; each as often as a stream has it. */
  problems(): Problem[];
  /** Resources sent since the start, on all streams. */
  readonly resourcesSent: number;
}

/** Dependencies of one node at most: each costs a cluster, and compiling them must not hold up the proxies of others. */
export const mostDependencies = 2_000;

/** A proxy whose stream ended connects again within this time, here or elsewhere; so does every proxy after a start. Milliseconds. */
export const returnTime = 3_000;

/** Problems of one node that are logged when it connects; the API shows all. */
const problemsLogged = 5;

interface Connected {
  readonly node: string;
  readonly metadata: NodeMetadata;
  readonly place: NodePlace;
  readonly claim: NodeClaim;
  sent: number;
}

/** Makes an empty collection. `ready` is false until there is a state to serve: a partial one would take endpoints from proxies. */
export function createNodes(o: {
  readonly reconciler: Pick<Reconciler, "claim">;
  readonly ready: () => boolean;
  /** What a proxy sees in place of the live state; undefined for most. */
  readonly canary?: (node: NodeMetadata, place: NodePlace, instance: string) => NodeView | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}): Nodes {
  const streams = new Map<number, Connected>();
  /** Open streams by node. */
  const open = new Map<string, number>();
  /** In the order of their times. */
  const gone = new Map<string, { readonly clusters: readonly string[]; readonly until: number }>();
  let resourcesSent = 0;

  function opened({ stream, node, description }: StreamOpened): void {
    const claimed = claimFor(description);
    if (typeof claimed === "string") {
      o.log.warn({ event: "node.unknown", node, why: claimed }, `${node} gets nothing: ${claimed}`);
      return;
    }
    streams.set(stream, { node, ...claimed, sent: 0 });
    open.set(node, (open.get(node) ?? 0) + 1);
    gone.delete(node);
    const { problems } = claimed.claim;
    const left = problems.length > problemsLogged ? [`and ${problems.length - problemsLogged} more`] : [];
    const why = [...problems.slice(0, problemsLogged).map(({ message }) => message), ...left];
    if (problems.length > 0) o.log.warn({ event: "node.problem", node, why }, `${node}: ${why.join("; ")}`);
  }

  function close(stream: number): void {
    const closed = streams.get(stream);
    if (!closed) return;
    closed.claim.release();
    streams.delete(stream);
    const now = o.clock.monotonic();
    for (const [node, { until }] of gone) {
      if (until > now) break;
      gone.delete(node);
    }
    const { node, claim } = closed;
    const left = (open.get(node) ?? 1) - 1;
    if (left > 0) return void open.set(node, left);
    open.delete(node);
    gone.set(node, { clusters: claim.clusters, until: now + returnTime });
  }

  function claimFor(node: Node): Pick<Connected, "metadata" | "place" | "claim"> | string {
    const metadata = metadataOf(node);
    if (typeof metadata === "string") return metadata;
    try {
      const place = placeOf(node);
      return { metadata, place, claim: o.reconciler.claim(metadata, place, node.id) };
    } catch (error) {
      return `its resources cannot be compiled: ${messageOf(error)}`;
    }
  }

  return {
    view(node) {
      const claimed = o.ready() ? claimFor(node) : "there is nothing to serve yet";
      if (typeof claimed === "string") return undefined;
      // The stream itself holds a claim from its opening to its end, so that this one need not.
      claimed.claim.release();
      return o.canary?.(claimed.metadata, claimed.place, node.id) ?? claimed.claim.view;
    },
    take(event) {
      if (event.kind === "stream-open") opened(event);
      else if (event.kind === "stream-close") {
        close(event.stream);
      } else if (event.kind === "push") {
        resourcesSent += event.resources.length;
        const connected = streams.get(event.stream);
        if (connected) connected.sent += event.resources.length;
      }
    },
    get(stream) {
      const found = streams.get(stream);
      if (!found) return undefined;
      const { metadata, claim, sent } = found;
      return { service: metadata.service, kind: metadata.kind, problems: claim.problems, layers: claim.view.layers, resourcesSent: sent };
    },
    connected() {
      const byNode = new Map([...streams.values()].map(({ node, metadata, place, claim }) => [node, { node, metadata, place, claim }]));
      return [...byNode.values()].map(({ claim, ...rest }) => ({ ...rest, clusters: claim.clusters }));
    },
    subscribers(service) {
      const nodes = new Set<string>();
      for (const { node, claim } of streams.values()) if (claim.clusters.includes(service)) nodes.add(node);
      return nodes.size;
    },
    withoutCertificate(service) {
      const nodes = new Set<string>();
      for (const { node, claim, metadata } of streams.values())
        if (!hasIdentity(metadata) && claim.clusters.includes(service)) nodes.add(node);
      return [...nodes];
    },
    returning(service) {
      const now = o.clock.monotonic();
      return [...gone.values()].filter(({ clusters, until }) => until > now && clusters.includes(service)).map(({ until }) => until);
    },
    problems: () => [...streams.values()].flatMap(({ claim }) => claim.problems),
    get resourcesSent() {
      return resourcesSent;
    },
  };
}

function metadataOf(node: Node): NodeMetadata | string {
  const metadata = decodeNodeMetadata(node.metadata?.["legation"]);
  if (typeof metadata === "string" || metadata.dependencies.length <= mostDependencies) return metadata;
  return `it names ${metadata.dependencies.length} dependencies, and at most ${mostDependencies} are served: name those that it calls`;
}

function placeOf(node: Node): NodePlace {
  return { region: node.locality?.region ?? "", zone: node.locality?.zone ?? "" };
}
