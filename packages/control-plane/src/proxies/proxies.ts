/** Every proxy at every control plane: each once, by its newest stream, and those that should be there and are not. */
import { type ProxyView, proxyStates } from "@legation/contract/api";
import type { GrpcCaller } from "../dependencies/graph.js";
import type { Gather } from "../replicas/gather.js";
import { type ExpectedProxy, expectedProxies, type KnownReport } from "./expected.js";
import { type ProxyAnswer, type ProxyQuestion, proxiesPath, proxyAnswerOf, type ToldStream } from "./question.js";
import { stateOf } from "./state.js";

/** How long another control plane is waited for; milliseconds. */
export const proxiesLimit = 3_000;

/** A stream with the control plane that serves it, `host:port` of its API. */
export interface LocatedStream extends ToldStream {
  readonly replica: string;
}

/** What all control planes told. */
export interface GatheredStreams {
  /** By node, the newest stream first. */
  readonly streams: ReadonlyMap<string, readonly LocatedStream[]>;
  /** Control planes that did not answer, each with the reason. */
  readonly silent: readonly string[];
}

/** What is asked. */
export interface ProxiesParts {
  readonly own: (question: ProxyQuestion) => Promise<ProxyAnswer>;
  /** `host:port` of this replica's API. */
  readonly address: () => string;
  readonly gather: Gather;
  readonly services: () => Parameters<typeof expectedProxies>[0];
  /** The agents' reports at all control planes, by instance, with those control planes that did not tell theirs. */
  readonly reports: () => Promise<{ readonly reports: ReadonlyMap<string, KnownReport>; readonly silent: readonly string[] }>;
}

/** See the file's sentence. */
export interface Proxies {
  /** Those that match, in the order of their names. */
  list(
    wanted: Pick<ProxyQuestion, "node" | "service">,
  ): Promise<{ readonly proxies: readonly ProxyView[]; readonly silent: readonly string[] }>;
  /** The streams of one node with their versions, and how it stands; null for a node that nobody knows. */
  one(node: string): Promise<GatheredStreams & { readonly proxy: ProxyView | null }>;
  /** The gRPC applications without an Envoy, with their calls. */
  grpc(): Promise<{ readonly callers: readonly GrpcCaller[]; readonly silent: readonly string[] }>;
}

/** Makes it. */
export function createProxies(o: ProxiesParts): Proxies {
  async function gathered(question: ProxyQuestion): Promise<GatheredStreams> {
    const [own, { answers, silent }] = await Promise.all([
      o.own(question),
      o.gather({ path: proxiesPath, body: () => ({ relayed: true, ...question }), read: proxyAnswerOf, limitMs: proxiesLimit }),
    ]);
    const streams = new Map<string, LocatedStream[]>();
    for (const { address, value } of [{ address: o.address(), value: own }, ...answers])
      for (const stream of value.streams) {
        const located = { ...stream, replica: address };
        const others = streams.get(stream.row.node);
        if (others) others.push(located);
        else streams.set(stream.row.node, [located]);
      }
    for (const all of streams.values()) all.sort((a, b) => (a.row.openedAt < b.row.openedAt ? 1 : -1));
    return { streams, silent };
  }

  async function expected({ node, service }: Pick<ProxyQuestion, "node" | "service">) {
    const { reports, silent } = await o.reports();
    const all = expectedProxies(o.services(), reports);
    const wanted = [...all].filter(([key, one]) => (node === "" || key === node) && (service === "" || one.service === service));
    return { expected: new Map(wanted), silent };
  }

  async function standing(question: ProxyQuestion) {
    const [found, { expected: wanted, silent }] = await Promise.all([gathered(question), expected(question)]);
    const all = [...new Set([...found.silent, ...silent])].sort();
    return { streams: found.streams, proxies: proxyViews(found.streams, wanted, all), silent: all };
  }

  return {
    async list(wanted) {
      const { proxies, silent } = await standing({ ...wanted, kind: "", versions: false });
      return { proxies, silent };
    },
    async one(node) {
      const { streams, proxies, silent } = await standing({ node, service: "", kind: "", versions: true });
      return { streams, silent, proxy: proxies[0] ?? null };
    },
    async grpc() {
      const { streams, silent } = await gathered({ node: "", service: "", kind: "grpc", versions: false });
      const newest = [...streams.values()].flatMap(([first]) => first?.row ?? []);
      return { callers: newest.flatMap(({ service, calls }) => (service === null ? [] : [{ service, calls }])), silent };
    },
  };
}

/** One row for each proxy that has a stream or should have one. */
export function proxyViews(
  streams: GatheredStreams["streams"],
  expected: ReadonlyMap<string, ExpectedProxy>,
  silent: readonly string[],
): readonly ProxyView[] {
  const connected = [...streams.values()].flatMap((all): ProxyView[] => {
    const [newest] = all;
    if (!newest) return [];
    return [{ ...newest.row, ...stateOf(newest.row), connected: true, replica: newest.replica, streams: all.length }];
  });
  const missing = [...expected].flatMap(([node, one]) => (streams.has(node) ? [] : [missingProxy(node, one, silent)]));
  return [...connected, ...missing].sort((a, b) => (a.node < b.node ? -1 : 1));
}

/** How many are in which state. */
export function countStates(proxies: readonly ProxyView[]): Partial<Record<ProxyView["state"], number>> {
  const counts = proxyStates.map((state) => [state, proxies.filter((proxy) => proxy.state === state).length] as const);
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}

function missingProxy(node: string, { service, reason }: ExpectedProxy, silent: readonly string[]): ProxyView {
  const doubt = silent.length > 0 ? `; it may be connected to a control plane that does not answer: ${silent.join("; ")}` : "";
  return {
    ...{ node, service, kind: "sidecar", stream: null, peer: null, variant: null, envoy: null, openedAt: null, ready: false },
    ...{ behindMs: null, acknowledgedMs: null, resourcesSent: 0, types: [], problems: [], calls: {}, quarantined: [] },
    state: doubt === "" ? "absent" : "unknown",
    reason: `it is not connected: ${reason}${doubt}`,
    ...{ connected: false, replica: null, streams: 0 },
  };
}
