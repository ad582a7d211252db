/** Counts what a process holds, after garbage was collected: memory, timers, handles, and the objects that a stream is made of. */
import http2 from "node:http2";
import { Socket } from "node:net";
import { queryObjects } from "node:v8";

/** What is held, by name: bytes of memory, and numbers of everything else. */
export interface Census {
  /** The heap and what lies beside it (array buffers), after garbage was collected. */
  readonly heap: number;
  readonly resident: number;
  readonly counts: Readonly<Record<string, number>>;
}

type Class = abstract new (...args: never[]) => unknown;

/** The classes of which instances are counted; `watchHttp2` and whoever knows others add to it. */
export const counted = new Map<string, Class>([["socket objects", Socket]]);

/** From now on the sessions and streams of all HTTP/2 servers are counted too. Call it before a server is made. */
export function watchHttp2(): void {
  const original = http2.createServer;
  http2.createServer = ((...args: Parameters<typeof http2.createServer>) => {
    const server = original(...args);
    server.on("session", (session) => counted.set("HTTP/2 session objects", session.constructor as Class));
    server.on("stream", (stream) => counted.set("HTTP/2 stream objects", stream.constructor as Class));
    return server;
  }) as typeof http2.createServer;
}

/** Collects garbage until the heap shrinks no more, and counts. Needs `--expose-gc`. */
export async function takeCensus(): Promise<Census> {
  const { gc } = globalThis;
  if (!gc) throw new Error("start the process with --expose-gc");
  let heap = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 20; round += 1) {
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    gc();
    const now = held();
    if (now > heap - 1_024) break;
    heap = now;
  }
  const counts: Record<string, number> = {};
  for (const resource of process.getActiveResourcesInfo()) {
    const name = resource === "Timeout" ? "timers" : `${resource} handles`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  for (const [name, type] of counted) counts[name] = queryObjects(type as never, { format: "count" }) as unknown as number;
  return { heap: held(), resident: process.memoryUsage().rss, counts };
}

function held(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
