/** The server under soak, in a process of its own, so that its memory is its own; told what to do by messages, which it answers one by one. */
import { createResourceCache, createXdsServer } from "@legation/xds";
import { type Census, takeCensus, watchHttp2 } from "./census.js";
import { createRandom } from "./random.js";
import { rinse, rinseLayer } from "./rinse.js";
import { change, fill, layersOf, type Versions, versions } from "./state.js";

/** What the server can be asked for; each is answered with what stands here. */
export interface Answers {
  /** Listens. */
  readonly listen: { readonly port: number };
  /** Makes so many changes a second from now on. */
  readonly change: { readonly made: number };
  /** Makes no more changes, and says what each zone has to hold. */
  readonly settle: { readonly made: number; readonly zones: Versions[] };
  /** How many streams there are, and how many sockets and timers. */
  readonly left: { readonly streams: number; readonly handles: number };
  /** Counts what is left. */
  readonly census: Census;
}

/** One question. */
export interface Question {
  readonly ask: keyof Answers;
  readonly perSecond?: number;
  readonly seed?: number;
}

watchHttp2();
const cache = createResourceCache();
fill(cache);
const server = createXdsServer({
  cache,
  view: (node) => ({ layers: node.id === rinseLayer ? [rinseLayer] : layersOf(node.id) }),
  limits: { unreadMs: 3_000 },
  retry: { base: 200, max: 1_000 },
  keepalive: { interval: 2_000, timeout: 2_000 },
});
let random = createRandom(1);
let made = 0;
let timer: NodeJS.Timeout | undefined;

const answers: { [K in keyof Answers]: (question: Question) => Answers[K] | Promise<Answers[K]> } = {
  listen: ({ seed }) => {
    random = createRandom(seed ?? 1);
    return server.listen("127.0.0.1:0");
  },
  change: ({ perSecond }) => {
    clearInterval(timer);
    timer = setInterval(
      () => {
        made += 1;
        change(cache, random, made);
      },
      1_000 / (perSecond ?? 10),
    );
    return { made };
  },
  settle: () => {
    clearInterval(timer);
    return { made, zones: versions(cache) };
  },
  left: () => ({
    streams: server.status().length,
    handles: process.getActiveResourcesInfo().filter((resource) => resource === "TCPSocketWrap" || resource === "Timeout").length,
  }),
  census: async () => {
    await rinse(server, cache);
    return takeCensus();
  },
};

process.on("message", async (question: Question) => {
  const answer = await answers[question.ask](question);
  process.send?.({ ...answer });
});
process.on("disconnect", () => process.exit(0));
