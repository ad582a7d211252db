/** The load of the proof: HTTP/1.1, HTTP/2 and gRPC streams through the caller's Envoy, on one open-loop schedule each. */
import { httpSender, type Load, type LoadReport, type Sender, startLoad } from "@legation/local";
import type { Fleet } from "../fleet.js";
import { alternating } from "./alternating.js";
import { fromInstance } from "./from-instance.js";
import { http2Sender } from "./http2-sender.js";
import { type StreamCounts, streamSender } from "./stream-sender.js";

/** The kinds of load, as they are shown, and the share of each in all requests. */
export const shares = { "HTTP/1.1 GET": 1, "HTTP/1.1 POST": 1, "HTTP/2 GET": 1, "HTTP/2 POST": 1, "gRPC messages": 2 } as const;
export type Kind = keyof typeof shares;
export const kinds = Object.keys(shares) as readonly Kind[];

/** The kinds that a proxy may send again to another instance when the one that has them dies (RFC 9110 §9.2.2). */
export const repeatable: ReadonlySet<Kind> = new Set(["HTTP/1.1 GET", "HTTP/2 GET"]);

const allShares = kinds.reduce((sum, kind) => sum + shares[kind], 0);

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
const openStreams = 24;

/**
 * Starts `rate` requests a second: a third of them HTTP/1.1, a third HTTP/2, a third messages. Half of the HTTP requests are POST, which
 * no proxy may repeat once an instance has them, and one of ten is slow. A stream lasts about two seconds.
 */
export function startProofLoad({ caller }: Fleet, rate: number): ProofLoad {
  const url = caller.outbound;
  const slow = `/?ms=${slowMs}`;
  const http1 = (method: string): Sender => {
    const sender = (path: string) => fromInstance(httpSender({ url: url + path, method, headers: { host: "orders" } }));
    return alternating([
      [sender("/"), 9],
      [sender(slow), 1],
    ]);
  };
  const http2 = (method: string): Sender => {
    const sender = (path: string) => fromInstance(http2Sender({ url, authority: "stock", path, method }));
    return alternating([
      [sender("/"), 9],
      [sender(slow), 1],
    ]);
  };
  const rateOf = (kind: Kind): number => (rate * shares[kind]) / allShares;
  const streams = streamSender({
    address: url.replace("http://", ""),
    authority: "prices",
    streams: openStreams,
    messages: Math.ceil((rateOf("gRPC messages") / openStreams) * (streamMs / 1000)),
  });
  const senders: Readonly<Record<Kind, Sender>> = {
    "HTTP/1.1 GET": http1("GET"),
    "HTTP/1.1 POST": http1("POST"),
    "HTTP/2 GET": http2("GET"),
    "HTTP/2 POST": http2("POST"),
    "gRPC messages": { send: () => streams.send(), close: () => undefined },
  };
  const loads = Object.fromEntries(kinds.map((kind) => [kind, startLoad({ sender: senders[kind], rate: rateOf(kind) })])) as Record<
    Kind,
    Load
  >;
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

async function ofEach(report: (kind: Kind) => Promise<LoadReport>): Promise<Record<Kind, LoadReport>> {
  const entries = await Promise.all(kinds.map(async (kind) => [kind, await report(kind)] as const));
  return Object.fromEntries(entries) as Record<Kind, LoadReport>;
}
