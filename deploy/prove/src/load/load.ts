/** The load of the proof: HTTP/1.1, HTTP/2 and gRPC streams through the caller's Envoy, on one open-loop schedule each. */
import { httpSender, type Load, type LoadReport, type Sender, startLoad } from "@legation/local";
import type { Fleet } from "../fleet.js";
import { alternating } from "./alternating.js";
import { http2Sender } from "./http2-sender.js";
import { type StreamCounts, streamSender } from "./stream-sender.js";

/** The kinds of load, as they are shown. */
export const kinds = ["HTTP/1.1", "HTTP/2", "gRPC messages"] as const;
export type Kind = (typeof kinds)[number];

/** What became of everything. */
export interface Figures {
  readonly byKind: Readonly<Record<Kind, LoadReport>>;
  readonly streams: StreamCounts;
}

/** A stretch over all kinds. */
export interface FiguresStretch {
  /** As `Stretch.end`. */
  end(): Promise<Readonly<Record<Kind, LoadReport>>>;
}

/** The running load. */
export interface ProofLoad {
  report(): Figures;
  stretch(): FiguresStretch;
  /** Sends no more and resolves with the final figures. May be called again. */
  stop(): Promise<Figures>;
}

/** Milliseconds that the slow requests take: long enough to be under way when an instance begins to leave, shorter than its limit. */
const slowMs = 700;

/** Milliseconds that a stream lasts, and how many are open at once. */
const streamMs = 2_000;
const openStreams = 8;

/**
 * Starts `rate` requests a second, a third of them of each kind. Half of the HTTP requests are POST, which no proxy may repeat once an
 * instance has them, and one of ten is slow. A stream lasts about two seconds.
 */
export function startProofLoad({ caller }: Fleet, rate: number): ProofLoad {
  const url = caller.outbound;
  const http1 = (path: string, method: string) => httpSender({ url: url + path, method, headers: { host: "orders" } });
  const http2 = (path: string, method: string) => http2Sender({ url, authority: "stock", path, method });
  const streams = streamSender({
    address: url.replace("http://", ""),
    authority: "prices",
    streams: openStreams,
    messages: Math.ceil((rate / kinds.length / openStreams) * (streamMs / 1000)),
  });
  const start = (sender: Sender): Load => startLoad({ sender, rate: rate / kinds.length });
  const loads: Readonly<Record<Kind, Load>> = {
    "HTTP/1.1": start(mixed(http1)),
    "HTTP/2": start(mixed(http2)),
    "gRPC messages": start({ send: () => streams.send(), close: () => undefined }),
  };
  let stopped: Promise<Figures> | undefined;

  async function stopAll(): Promise<Figures> {
    const byKind = await ofEach((kind) => loads[kind].stop());
    const counts = await streams.finish();
    streams.close();
    return { byKind, streams: counts };
  }

  return {
    report: () => ({
      byKind: Object.fromEntries(kinds.map((kind) => [kind, loads[kind].report()])) as Record<Kind, LoadReport>,
      streams: streams.counts(),
    }),
    stretch() {
      const stretches = new Map(kinds.map((kind) => [kind, loads[kind].stretch()]));
      return { end: () => ofEach((kind) => stretches.get(kind)?.end() ?? loads[kind].stop()) };
    },
    stop: () => (stopped ??= stopAll()),
  };
}

/** Nine requests of ten are answered at once, half are POST. */
function mixed(sender: (path: string, method: string) => Sender): Sender {
  const [get, post] = [sender("/", "GET"), sender("/", "POST")];
  const [slowGet, slowPost] = [sender(`/?ms=${slowMs}`, "GET"), sender(`/?ms=${slowMs}`, "POST")];
  return alternating([
    [get, 4],
    [post, 5],
    [slowGet, 1],
    [get, 5],
    [post, 4],
    [slowPost, 1],
  ]);
}

async function ofEach(report: (kind: Kind) => Promise<LoadReport>): Promise<Record<Kind, LoadReport>> {
  const entries = await Promise.all(kinds.map(async (kind) => [kind, await report(kind)] as const));
  return Object.fromEntries(entries) as Record<Kind, LoadReport>;
}
