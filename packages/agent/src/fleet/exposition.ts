/** Several metrics pages (Prometheus text) as one: each family once, each sample with the service that it is of. Pure. */

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
  const familyOf = (name: string) => {
    const family = families.get(name) ?? { head: [], samples: new Set<string>() };
    families.set(name, family);
    return family;
  };
  for (const { labels, text } of pages) {
    let family = "";
    for (const line of text.split("\n")) {
      const [, kind, named = ""] = /^# (HELP|TYPE) (\S+)/.exec(line) ?? [];
      if (kind) {
        family = named;
        const { head } = familyOf(family);
        if (!head.some((known) => known.startsWith(`# ${kind} `))) head.push(line);
      } else if (line !== "" && !line.startsWith("#")) {
        const name = /^[^\s{]+/.exec(line)?.[0] ?? line;
        const { samples } = familyOf(family !== "" && name.startsWith(family) ? family : name);
        if (!ofTheProcess.test(line)) samples.add(labelled(line, labels));
        else if (samples.size === 0) samples.add(line);
      }
    }
  }
  return [...families.values()].flatMap(({ head, samples }) => [...head, ...samples].map((line) => `${line}\n`)).join("");
}

function labelled(sample: string, labels: Readonly<Record<string, string>>): string {
  const end = sample.search(/[\s{]/);
  const name = sample.slice(0, end);
  const rest = sample.slice(end);
  const missing = Object.entries(labels).flatMap(([label, value]) => (hasLabel(rest, label) ? [] : [`${label}=${JSON.stringify(value)}`]));
  if (missing.length === 0) return sample;
  if (rest.startsWith("{}")) return `${name}{${missing.join(",")}}${rest.slice(2)}`;
  return rest.startsWith("{") ? `${name}{${missing.join(",")},${rest.slice(1)}` : `${name}{${missing.join(",")}}${rest}`;
}

function hasLabel(rest: string, label: string): boolean {
  return rest.startsWith(`{${label}="`) || rest.includes(`,${label}="`);
}
