/** `GET /api/proxies` and below it: every proxy at every control plane, and whether its Envoy holds what it was sent. */
import { instanceKey } from "@legation/contract";
import { driftReport, type ProxyDetail, type ProxyView, proxyDetail, proxyList, proxyStates } from "@legation/contract/api";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import type { CheckDrift } from "../proxies/drift-check.js";
import { countStates, type Proxies } from "../proxies/proxies.js";
import { type ProxyAnswer, type ProxyQuestion, proxiesPath } from "../proxies/question.js";
import { addReplicaRoute } from "../replicas/route.js";
import { listing, meshRead } from "../security/right.js";
import { pageOf, pageQuery } from "./page.js";
import { sendProblem } from "./problem.js";
import { addRoute } from "./route.js";
import { enclosed, sendSliced } from "./sliced.js";

/** What the routes read. */
export interface ProxySource {
  readonly proxies: Proxies;
  readonly drift: CheckDrift;
  /** This control plane's own streams. */
  readonly own: (question: ProxyQuestion) => Promise<ProxyAnswer>;
  /** Resources sent since the start, on all streams of this control plane. */
  readonly resourcesSent: () => number;
}

const word = z.string().max(256);
/** Characters of a Consul node, a slash and a service ID. */
const longestNode = 2 * 256 + 1;
const query = z.strictObject({
  ...pageQuery,
  node: z.string().max(longestNode).optional().describe("Only this proxy: `<Consul node>/<service id>`."),
  service: word.optional().describe("Only the proxies of this service."),
  state: z.enum(proxyStates).optional().describe("Only those in this state."),
});
const params = z.strictObject({
  node: word.min(1).describe("The Consul node."),
  id: word.min(1).describe("The service ID on that node."),
});
const unknown = "No such proxy is known, or the caller may not read its service.";

/** Adds the routes: the proxies of services that the caller may read, and with the right to read the mesh those of no known service too. */
export function addProxyRoutes(app: FastifyInstance, source: ProxySource): void {
  addRoute(
    app,
    {
      method: "GET",
      path: "/api/proxies",
      tag: "proxies",
      summary: "Every proxy at every control plane, and those that should be there",
      description:
        "Those of no known service are shown to whoever may read the mesh. Control planes that do not answer within three seconds are named in `silent`.",
      right: listing,
      query,
      answers: { 200: proxyList },
    },
    async (request, reply) => {
      const { node = "", service = "", state } = request.query;
      const { proxies, silent } = await source.proxies.list({ node, service });
      const readable = await readableBy(request, proxies);
      const shown = readable.filter((proxy) => state === undefined || proxy.state === state);
      const { entries, nextCursor } = pageOf(request, reply, shown, ({ node }) => node);
      const head = {
        total: shown.length,
        nextCursor,
        connected: shown.filter(({ connected }) => connected).length,
        states: countStates(shown),
        resourcesSent: source.resourcesSent(),
        silent,
      };
      return sendSliced(
        reply,
        enclosed(`${JSON.stringify(head).slice(0, -1)},"proxies":[`, entries, (proxy) => JSON.stringify(proxy), "]}"),
      );
    },
  );

  addRoute(
    app,
    {
      method: "GET",
      path: "/api/proxies/:node/:id",
      tag: "proxies",
      summary: "One proxy, with the versions of all that it was sent",
      right: listing,
      params,
      answers: { 200: proxyDetail },
      problems: { 404: unknown },
    },
    async (request, reply) => {
      const node = instanceKey(request.params.node, request.params.id);
      const { proxy, streams, silent } = await source.proxies.one(node);
      if (!proxy || (await readableBy(request, [proxy])).length === 0)
        return sendProblem(reply, 404, "proxy.unknown", noProxy(node, silent));
      const [newest, ...older] = streams.get(node) ?? [];
      const detail: ProxyDetail = {
        proxy,
        versions: newest?.detail?.versions ?? [],
        older: older.map(({ row, replica }) => ({ ...row, replica })),
        silent,
      };
      return detail;
    },
  );

  addRoute(
    app,
    {
      method: "GET",
      path: "/api/proxies/:node/:id/drift",
      tag: "proxies",
      summary: "Whether a proxy's Envoy holds what it was sent",
      description:
        "The agent asks its Envoy for its config dump. Names and versions are compared with what the stream was sent and has acknowledged, of endpoints their addresses. A difference counts that is there at two looks. Takes up to some seconds.",
      right: listing,
      params,
      answers: { 200: driftReport },
      problems: { 404: unknown },
    },
    async (request, reply) => {
      const node = instanceKey(request.params.node, request.params.id);
      const { proxies, silent } = await source.proxies.list({ node, service: "" });
      if ((await readableBy(request, proxies)).length === 0) return sendProblem(reply, 404, "proxy.unknown", noProxy(node, silent));
      const waiting = new AbortController();
      reply.raw.once("close", () => waiting.abort(new Error("nobody waits for the answer any more")));
      try {
        return (await source.drift(node, waiting.signal)) ?? sendProblem(reply, 404, "proxy.unknown", noProxy(node, silent));
      } catch (error) {
        if (waiting.signal.aborted) return reply.hijack();
        throw error;
      }
    },
  );
}

/** Adds the path on which the others are answered. Belongs below the hook of `createBorneOut`. */
export function addReplicaProxyRoute(app: FastifyInstance, source: Pick<ProxySource, "own">): void {
  addReplicaRoute(app, {
    path: proxiesPath,
    summary: "The streams of proxies",
    properties: {
      node: z.string().max(longestNode).describe("Only this proxy's; empty for all."),
      service: word.describe("Only those of this service; empty for all."),
      kind: z.enum(["", "grpc"]).describe("Only those of gRPC applications; empty for all."),
      versions: z.boolean().describe("With the version of each resource: of one proxy only."),
    },
    answer: ({ node, service, kind, versions }) => source.own({ node, service, kind, versions: versions && node !== "" }),
  });
}

async function readableBy({ access }: FastifyRequest, proxies: readonly ProxyView[]): Promise<readonly ProxyView[]> {
  const may = await access.readable(proxies.flatMap(({ service }) => service ?? []));
  const strangers = await access.mayRead(meshRead);
  return proxies.filter(({ service }) => (service === null ? strangers : may.has(service)));
}

function noProxy(node: string, silent: readonly string[]): string {
  const doubt = silent.length > 0 ? `; these control planes do not answer: ${silent.join("; ")}` : "";
  return `no proxy ${JSON.stringify(node)} is connected or expected${doubt}. List them: legation proxies`;
}
