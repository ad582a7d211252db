/** `GET /api/proxies`: every stream of every proxy, what it was sent, took and refused. */
import { type ProxyView, proxyList, type TypeView } from "@legation/contract/api";
import type { StreamStatus, TypeStatus } from "@legation/xds";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { RefusedContent } from "../quarantine/refused-content.js";
import { quarantineView } from "../quarantine/words.js";
import type { ConnectedNode } from "../reconcile/nodes.js";
import { listing, meshRead } from "../security/right.js";
import { typeWord } from "../telemetry/metrics.js";
import { addRoute } from "./route.js";
import { enclosed, sendSliced } from "./sliced.js";

/** What the route reads. */
export interface ProxySource {
  streams(): readonly StreamStatus[];
  node(stream: number): ConnectedNode | undefined;
  /** Resources sent since the start, on all streams. */
  resourcesSent(): number;
  calls(node: string): ProxyView["calls"];
  /** What is held back from the proxies with one of these layers. */
  quarantined(layers: readonly string[]): readonly RefusedContent[];
}

const query = z.strictObject({
  node: z.string().max(256).optional().describe("Only this proxy: `<Consul node>/<service id>`."),
  service: z.string().max(256).optional().describe("Only the proxies of this service."),
});

/** Adds the route: the proxies of services that the caller may read, and with the right to read the mesh those of no known service too. */
export function addProxyRoute(app: FastifyInstance, source: ProxySource): void {
  addRoute(
    app,
    {
      method: "GET",
      path: "/api/proxies",
      tag: "proxies",
      summary: "Every stream of every proxy at this control plane",
      description: "Those of no known service are shown to whoever may read the mesh.",
      right: listing,
      query,
      answers: { 200: proxyList },
    },
    async (request, reply) => {
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
        return JSON.stringify(viewOf(status, connected, source));
      };
      const open = `{"total":${chosen.length},"resourcesSent":${source.resourcesSent()},"proxies":[`;
      return sendSliced(reply, enclosed(open, chosen, entry, "]}"));
    },
  );
}

function viewOf(status: StreamStatus, node: ConnectedNode | undefined, source: ProxySource): ProxyView {
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
    types: status.types.map(typeViewOf),
    problems: node?.problems ?? [],
    calls: node?.kind === "grpc" ? source.calls(status.node) : {},
    quarantined: source.quarantined(node?.layers ?? []).map(quarantineView),
  };
}

function typeViewOf(status: TypeStatus): TypeView {
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
