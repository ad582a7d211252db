/** The figures that are asked of Envoy every few seconds, in one request: response times of its own service, limits towards others, and calls to them. */

/** Of the cluster by which Envoy reaches its own application, as the control plane names it, and as its figures are named. */
export const ownCluster = { name: "inbound:application", stats: "inbound" } as const;

/** How Envoy's figures name the bootstrap's own clusters, `legation:…`: no service has an underscore in its name. */
const ownClusters = "legation_";

/** Envoy's names of the limits: the gauge that is 1 while one is reached, the counter of what was turned away, and words for both. */
const limits = [
  ["cx_open", "upstream_cx_overflow", "connections"],
  ["rq_pending_open", "upstream_rq_pending_overflow", "pending requests"],
  ["rq_open", "", "requests"],
  ["rq_retry_open", "upstream_rq_retry_overflow", "retries"],
] as const;

/** For `/stats`: selects by Envoy's dotted names. Those of services have no dot. */
export const figuresFilter = `^cluster\\.(${ownCluster.stats}\\.upstream_rq_time|[^.]+\\.(circuit_breakers\\.default\\.(${limits
  .map(([gauge]) => gauge)
  .join("|")})|upstream_rq_total|${limits.flatMap(([, counter]) => (counter ? [counter] : [])).join("|")}))$`;

/** What the page says. */
export interface FiguresPage {
  /** Requests whose response time was measured, and their sum in milliseconds. */
  readonly timed: number;
  readonly timeMs: number;
  /** By service and limit: it is reached now, and how often something was turned away. */
  readonly limits: ReadonlyMap<string, ReadonlyMap<string, LimitFigures>>;
  /** By service, the requests (connections, by TCP) that were sent to it since this Envoy's start. */
  readonly sent: ReadonlyMap<string, number>;
}

/** One limit. */
export interface LimitFigures {
  readonly reached: boolean;
  readonly overflows: number;
}

const gauges = new Map<string, string>(limits.map(([gauge, , word]) => [`envoy_cluster_circuit_breakers_default_${gauge}`, word] as const));
const counters = new Map<string, string>(
  limits.flatMap(([, counter, word]) => (counter ? [[`envoy_cluster_${counter}`, word] as const] : [])),
);

/** Reads the page in the format of Prometheus; what else is on it is passed over. */
export function readFigures(text: string): FiguresPage {
  const found = new Map<string, Map<string, LimitFigures>>();
  const sent = new Map<string, number>();
  let timed = 0;
  let timeMs = 0;
  for (const line of text.split("\n")) {
    const [, name = "", service = "", written = ""] = /^(\w+)\{envoy_cluster_name="([^"]+)"\} (\S+)$/.exec(line) ?? [];
    const value = Number(written);
    if (service === ownCluster.stats) {
      if (name === "envoy_cluster_upstream_rq_time_sum") timeMs = value;
      if (name === "envoy_cluster_upstream_rq_time_count") timed = value;
      continue;
    }
    if (name === "envoy_cluster_upstream_rq_total") {
      if (value > 0 && !service.startsWith(ownClusters)) sent.set(service, value);
      continue;
    }
    const word = gauges.get(name) ?? counters.get(name);
    if (word === undefined) continue;
    const ofService = found.get(service) ?? new Map<string, LimitFigures>();
    const before = ofService.get(word) ?? { reached: false, overflows: 0 };
    ofService.set(word, gauges.has(name) ? { ...before, reached: value > 0 } : { ...before, overflows: value });
    found.set(service, ofService);
  }
  return { timed, timeMs, limits: found, sent };
}

/** The limits that are reached now, or turned something away since the page before, in words by service. */
export function exceededLimits(before: FiguresPage | undefined, now: FiguresPage): ReadonlyMap<string, string> {
  const exceeded = new Map<string, string>();
  for (const [service, ofService] of now.limits) {
    const words = [...ofService].flatMap(([word, { reached, overflows }]) => {
      const since = overflows - (before?.limits.get(service)?.get(word)?.overflows ?? (before ? 0 : overflows));
      return reached || since > 0 ? [word] : [];
    });
    if (words.length > 0) exceeded.set(service, `the limit of ${words.join(", ")}`);
  }
  return exceeded;
}
