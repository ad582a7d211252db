/** Several metrics pages (Prometheus text) as one: each family once, each sample with the service that it is of. Pure. */

import { linesOf, printFamilies, withLabels } from "../exposition.js";

/** One page, and the labels that its samples get where they do not have them. */
export interface MetricsPage {
  readonly labels: Readonly<Record<string, string>>;
  readonly text: string;
}

/** A figure of the agent's process has no labels, and every page has it: the first counts. */
const ofTheProcess = /^process_\w+ /;

/** Joins the pages. Ends with a newline unless all are empty. */
export function joinPages(pages: readonly MetricsPage[]): string {
  const families = new Map<string, { readonly head: string[]; readonly samples: Set<string> }>();
  for (const { labels, text } of pages)
    for (const line of linesOf(text)) {
      const family = families.get(line.family) ?? { head: [], samples: new Set<string>() };
      families.set(line.family, family);
      const { head, samples } = family;
      if (line.kind !== "sample") {
        if (!head.some((known) => known.startsWith(`# ${line.kind} `))) head.push(line.text);
      } else if (!ofTheProcess.test(line.text)) samples.add(withLabels(line.text, labels));
      else if (samples.size === 0) samples.add(line.text);
    }
  return printFamilies(families.values());
}
