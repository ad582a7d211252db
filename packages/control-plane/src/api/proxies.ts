/** `GET /v1/proxies`: every stream of every proxy, what it was sent, took and refused. */
import type { Problem } from "@legation/mesh";
import type { StreamStatus, TypeStatus } from "@legation/xds";
import type { FastifyInstance } from "fastify";
import type { RefusedContent } from "../quarantine/refused-content.js";
import { type QuarantineView, quarantineView } from "../quarantine/words.js";
import type { ConnectedNode } from "../reconcile/nodes.js";
import { listing, meshRead } from "../security/right.js";
import type { GrpcCalls } from "../telemetry/grpc-calls.js";
import { typeWord } from "../telemetry/metrics.js";
import { enclosed, sendSliced } from "./sliced.js";

/** A stream as the API shows it. Times are RFC 3339. */
export interface ProxyView {
  /** `<Consul node>/<service id>`. */
  readonly node: string;
  /** Null as long as the node has not said what it is. */
  readonly service: string | null;
  readonly kind: string | null;
  readonly stream: number;
  readonly peer: string;
  readonly variant: string;
  readonly openedAt: string;
  /** False while there is no state for it. */
  readonly ready: boolean;
  /** Resources sent on this stream, counting each time. */
  readonly resourcesSent: number;
  readonly types: readonly TypeView[];
  /** What is wrong with the node's own description, in sentences. */
  readonly problems: readonly Problem[];
  /** By service, the calls of a gRPC application without an Envoy in the last seconds (`callsInterval`), as its client reports them. */
  readonly calls: Readonly<Record<string, GrpcCalls>>;
  /** What it is not given because a proxy refused it; it has the last good version. */
  readonly quarantined: readonly QuarantineView[];
}

/** One type of resource on one stream. */
export interface TypeView {
  /** `cluster`, `endpoints`, `listener`, `routes` or `other`. */
  readonly type: string;
  readonly typeUrl: string;
  /** Versions by name. */
  readonly sent: Readonly<Record<string, string>>;
  readonly acknowledged: Readonly<Record<string, string>>;
  /** A response waits for its answer since then. */
  readonly outstandingSince: string | null;
  /** Refused and held back at its last good version. */
  readonly rejected: TypeStatus["rejected"];
  /** The last refusal, also after it was overcome. */
  readonly lastRejection: { readonly message: string; readonly names: readonly string[]; readonly at: string } | null;
}

/** What the route reads. */
export interface ProxySource {
  streams(): readonly StreamStatus[];
  node(stream: number): ConnectedNode | undefined;
  /** Resources sent since the start, on all streams. */
  resourcesSent(): number;
  calls(node: string): Readonly<Record<string, GrpcCalls>>;
  /** What is held back from the proxies with one of these layers. */
  quarantined(layers: readonly string[]): readonly RefusedContent[];
}

const query = { type: "object", properties: { node: { type: "string" }, service: { type: "string" } } } as const;

/** Adds the route: the proxies of services that the caller may read, and with the right to read the mesh those of no known service too. `?node=` and `?service=` choose. */
export function addProxyRoute(app: FastifyInstance, source: ProxySource): void {
  const options = { schema: { querystring: query }, config: { right: listing } };
  app.get<{ Querystring: { node?: string; service?: string } }>("/v1/proxies", options, async (request, reply) => {
    const { node, service } = request.query;
    const serviceOf = ({ stream }: StreamStatus) => source.node(stream)?.service;
    const wanted = source.streams().filter((status) => {
      if (node !== undefined && status.node !== node) return false;
      return service === undefined || serviceOf(status) === service;
    });
    const may = await request.access.readable(wanted.flatMap((status) => serviceOf(status) ?? []));
    const strangers = await request.access.mayRead(meshRead);
    const chosen = wanted.filter((status) => {
      const name = serviceOf(status);
      return name === undefined ? strangers : may.has(name);
    });
    const entry = (status: StreamStatus) => {
      const connected = source.node(status.stream);
      return JSON.stringify(proxyView(status, connected, source));
    };
    const open = `{"total":${chosen.length},"resourcesSent":${source.resourcesSent()},"proxies":[`;
    return sendSliced(reply, enclosed(open, chosen, entry, "]}"));
  });
}

function proxyView(status: StreamStatus, node: ConnectedNode | undefined, source: ProxySource): ProxyView {
  return {
    node: status.node,
    service: node?.service ?? null,
    kind: node?.kind ?? null,
    stream: status.stream,
    peer: status.peer,
    variant: status.variant,
    openedAt: new Date(status.openedAt).toISOString(),
    ready: status.ready,
    resourcesSent: node?.resourcesSent ?? 0,
    types: status.types.map(typeView),
    problems: node?.problems ?? [],
    calls: node?.kind === "grpc" ? source.calls(status.node) : {},
    quarantined: source.quarantined(node?.layers ?? []).map(quarantineView),
  };
}

function typeView(status: TypeStatus): TypeView {
  const { typeUrl, sent, acknowledged, outstandingSince, rejected, lastRejection } = status;
  return {
    type: typeWord(typeUrl),
    typeUrl,
    sent: Object.fromEntries(sent),
    acknowledged: Object.fromEntries(acknowledged),
    outstandingSince: outstandingSince === undefined ? null : new Date(outstandingSince).toISOString(),
    rejected,
    lastRejection: lastRejection ? { ...lastRejection, at: new Date(lastRejection.at).toISOString() } : null,
  };
}
