/** One metrics page (Prometheus text) of the agent, its Envoy and the service, in which no two figures have the same name and labels. */
import type { Registry } from "@legation/runtime";
import { linesOf, printFamilies, withLabels } from "./exposition.js";
import { exchange } from "./http-exchange.js";

/** What the API serves. */
export type MetricsSource = Pick<Registry, "contentType" | "metrics">;

/** A page beside the agent's own. */
export interface ForeignPage {
  /** In the label `source` of figures whose names an earlier page has too. */
  readonly source: string;
  readonly text: string;
  /** Added to its samples where they do not have them. */
  readonly labels?: Readonly<Record<string, string>>;
}

const timeoutMs = 2_000;
const longestPage = 16 * 1024 * 1024;

/**
 * The agent's figures with those of its Envoy, which say whose they are, and of the service at `url`. A page that cannot be had is left out, and
 * `legation_agent_source_up` says so.
 */
export function mergedMetrics(
  own: MetricsSource,
  o: { readonly service: string; readonly envoy: () => Promise<string> | undefined; readonly url: string | undefined },
): MetricsSource {
  const { service, envoy, url } = o;
  const pageOf = async (
    source: string,
    asked: Promise<string> | undefined,
    labels?: ForeignPage["labels"],
  ): Promise<readonly [string, ForeignPage | undefined] | undefined> =>
    asked && [
      source,
      await asked.then(
        (text) => ({ source, text, ...(labels ? { labels } : {}) }),
        () => undefined,
      ),
    ];
  return {
    contentType: own.contentType,
    async metrics() {
      const [mine, ...asked] = await Promise.all([
        own.metrics(),
        pageOf("envoy", envoy(), { service }),
        pageOf("service", url === undefined ? undefined : fetchPage(url)),
      ]);
      const known = asked.filter((entry) => entry !== undefined);
      const up = known.map(([source, page]) => `legation_agent_source_up{service="${service}",source="${source}"} ${page ? 1 : 0}\n`);
      const head =
        "# HELP legation_agent_source_up 1 while the figures of this source can be had.\n# TYPE legation_agent_source_up gauge\n";
      return mergePages(
        `${mine.trimEnd()}\n${up.length > 0 ? head + up.join("") : ""}`,
        known.flatMap(([, page]) => page ?? []),
      );
    },
  };
}

/** Appends pages to the agent's own. A figure whose family is there already joins it with the label `source`, unless it is of another type. Pure. */
export function mergePages(own: string, pages: readonly ForeignPage[]): string {
  const families = new Map<string, { readonly head: string[]; readonly samples: string[]; type: string }>();
  const add = ({ text, source, labels = {} }: ForeignPage): void => {
    const seen = new Set(families.keys());
    const otherType = new Set<string>();
    for (const line of linesOf(text)) {
      const family = families.get(line.family) ?? { head: [], samples: [], type: "" };
      families.set(line.family, family);
      const met = seen.has(line.family);
      if (line.kind === "sample") {
        if (!otherType.has(line.family)) family.samples.push(withLabels(line.text, met ? { ...labels, source } : labels));
        continue;
      }
      if (line.kind === "TYPE" && met && family.type !== line.says) otherType.add(line.family);
      if (line.kind === "TYPE") family.type ||= line.says;
      if (!met) family.head.push(line.text);
    }
  };
  add({ text: own, source: "agent" });
  for (const page of pages) add(page);
  return printFamilies(families.values());
}

async function fetchPage(url: string): Promise<string> {
  const { status, body } = await exchange(url, { timeoutMs, maxBytes: longestPage });
  if (status !== 200) throw new Error(`answered ${status}`);
  return body;
}
