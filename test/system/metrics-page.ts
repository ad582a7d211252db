/** Metrics pages, and what the documentation, the rules and the dashboards say of the metrics in them. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "@legation/local";
import { rulesDirectory } from "./prometheus-fixture.js";

/** One metric of a page. */
interface Metric {
  readonly name: string;
  type: string;
  help: string;
  readonly labels: Set<string>;
  readonly lines: string[];
}

/** A page, by metric. */
export interface Page {
  readonly metrics: ReadonlyMap<string, Metric>;
  /** The page of the metrics that `wanted` takes. */
  only(wanted: (name: string) => boolean): string;
}

/** Reads a page. Rejects unless the answer is 200. */
export async function pageOf(url: string, token: string): Promise<Page> {
  const answer = await fetch(url, { headers: { "x-consul-token": token } });
  if (answer.status !== 200) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  const metrics = new Map<string, Metric>();
  let current: Metric | undefined;
  for (const line of (await answer.text()).split("\n").filter((text) => text !== "")) {
    const [, kind, name = "", says = ""] = /^# (HELP|TYPE) (\S+) ?(.*)/.exec(line) ?? [];
    if (kind) {
      current = metrics.get(name) ?? { name, type: "", help: "", labels: new Set<string>(), lines: [] };
      metrics.set(name, current);
      if (kind === "TYPE") current.type = says;
      else current.help = says;
    } else
      for (const [, label = ""] of line.matchAll(/[{,]([a-zA-Z_]\w*)="/g))
        if (!["le", "quantile"].includes(label)) current?.labels.add(label);
    current?.lines.push(line);
  }
  return {
    metrics,
    only: (wanted) => [...metrics.values()].flatMap(({ name, lines }) => (wanted(name) ? lines.map((line) => `${line}\n`) : [])).join(""),
  };
}

/** The names that can be asked for: those of metrics, and of the rows of histograms and summaries. */
export function namesIn({ metrics }: Page): string[] {
  return [...metrics.values()].flatMap(({ name, type }) =>
    type === "histogram" || type === "summary" ? [`${name}_bucket`, `${name}_sum`, `${name}_count`, name] : [name],
  );
}

const documentation = join(repositoryRoot, "packages/control-plane/METRICS.md");
const [begin, end] = ["<!-- metrics: begin -->\n", "<!-- metrics: end -->"];

/**
 * The rows of the documentation's table, as these pages would have them and as they are written: alike where the documentation is right. A page
 * need not have a row with each label, but none that is not written. Where `UPDATE_GOLDEN` is set the table is written first.
 */
export function compareTable(pages: Readonly<Record<string, Page>>): {
  readonly found: readonly string[];
  readonly written: readonly string[];
} {
  if (process.env["UPDATE_GOLDEN"]) {
    const whole = readFileSync(documentation, "utf8");
    const rows = rowsOf(pages, writtenLabels());
    const table = ["| metric | type | unit | labels | where | meaning |", "| --- | --- | --- | --- | --- | --- |", ...rows].join("\n");
    writeFileSync(documentation, `${whole.slice(0, whole.indexOf(begin) + begin.length)}${table}\n${whole.slice(whole.indexOf(end))}`);
  }
  return { found: rowsOf(pages, writtenLabels()), written: writtenRows().map((cells) => `| ${cells.join(" | ")} |`) };
}

function writtenRows(): string[][] {
  const text = readFileSync(documentation, "utf8");
  const lines = text
    .slice(text.indexOf(begin) + begin.length, text.indexOf(end))
    .trimEnd()
    .split("\n")
    .slice(2);
  return lines.map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** By metric and where it is. */
function writtenLabels(): ReadonlyMap<string, readonly string[]> {
  return new Map(
    writtenRows().map(([name = "", , , labels = "", where = ""]) => [
      `${name} ${where}`,
      [...labels.matchAll(/`(\w+)`/g)].map(([, label = ""]) => label),
    ]),
  );
}

function rowsOf(pages: Readonly<Record<string, Page>>, known: ReadonlyMap<string, readonly string[]>): string[] {
  const found: { readonly metric: Metric; readonly where: string[] }[] = [];
  for (const [where, { metrics }] of Object.entries(pages))
    for (const metric of [...metrics.values()].filter(({ name }) => /^(legation|process|nodejs)_/.test(name))) {
      const same = found.find(({ metric: { name, help, type } }) => name === metric.name && help === metric.help && type === metric.type);
      if (!same) found.push({ metric, where: [where] });
      else {
        same.where.push(where);
        for (const label of metric.labels) same.metric.labels.add(label);
      }
    }
  found.sort((a, b) => (a.metric.name < b.metric.name ? -1 : a.metric.name > b.metric.name ? 1 : 0));
  return found.map(({ metric: { name, type, help, labels }, where: places }) => {
    const where = places.join(", ");
    const all = [...new Set([...labels, ...(known.get(`\`${name}\` ${where}`) ?? [])])].sort().map((label) => `\`${label}\``);
    return `| ${[`\`${name}\``, type, unitOf(name), all.join(", "), where, help.replace(/\|/g, "\\|")].join(" | ")} |`;
  });
}

function unitOf(name: string): string {
  const unit = /_(timestamp_seconds|seconds|bytes|ms|ratio)(_total)?$/.exec(name)?.[1];
  return { timestamp_seconds: "Unix time, s", seconds: "s", bytes: "bytes", ms: "ms", ratio: "ratio" }[unit ?? ""] ?? "";
}

/** A name that a rule or a dashboard asks for, and where. */
export interface UsedName {
  readonly name: string;
  readonly where: string;
}

/** All of them, less the names that recording rules give. */
export function usedNames(): UsedName[] {
  const expressions = [...ruleExpressions(), ...dashboardExpressions()];
  const recorded = new Set(ruleTexts().flatMap(({ text }) => [...text.matchAll(/record: (\S+)/g)].map(([, name]) => name)));
  const used = expressions.flatMap(({ where, expression }) => namesOf(expression).map((name) => ({ where, name })));
  const wanted = used.filter(({ name }) => !recorded.has(name));
  return [...new Map(wanted.map((one) => [`${one.where} ${one.name}`, one])).values()];
}

/** A query and where it stands. */
export interface Expression {
  readonly where: string;
  readonly expression: string;
}

/** The queries of the rules, on one line each. */
export function ruleExpressions(): Expression[] {
  return ruleTexts().flatMap(({ where, text }) =>
    [...text.matchAll(/^ +expr: (?:>-\n((?: {10,}.*\n)+)|(.*)\n)/gm)].map(([, folded, plain]) => ({
      where,
      expression: (folded ?? plain ?? "").replace(/\s+/g, " ").trim(),
    })),
  );
}

/** The queries of the dashboards, with their variables as any value. */
export function dashboardExpressions(): Expression[] {
  return dashboards().flatMap(({ where, text }) =>
    [...text.matchAll(/"expr": ("(?:[^"\\]|\\.)*")/g)].map(([, quoted = '""']) => ({
      where,
      expression: (JSON.parse(quoted) as string).replaceAll("$__rate_interval", "5m").replaceAll(/\$\w+/g, ".*"),
    })),
  );
}

/** The dashboards of deploy/grafana. */
export function dashboards(): { readonly where: string; readonly text: string }[] {
  const directory = join(repositoryRoot, "deploy/grafana");
  return readdirSync(directory)
    .filter((name) => name.endsWith(".json"))
    .map((where) => ({ where, text: readFileSync(join(directory, where), "utf8") }));
}

function ruleTexts(): { readonly where: string; readonly text: string }[] {
  return ["recording.rules.yml", "alerting.rules.yml"].map((where) => ({ where, text: readFileSync(join(rulesDirectory, where), "utf8") }));
}

const words = new Set(["by", "on", "and", "or", "unless", "ignoring", "group_left", "group_right", "without", "bool", "offset"]);

/** The metrics that a query of ours names. */
export function namesOf(expression: string): string[] {
  const bare = expression
    .replace(/"(?:[^"\\]|\\.)*"/g, "")
    .replace(/\{[^}]*\}|\[[^\]]*\]/g, "")
    .replace(/\b(by|on|ignoring|without|group_left|group_right) ?\([^)]*\)/g, " ");
  const found = [...bare.matchAll(/[a-zA-Z_:][\w:]*(?!\s*\(|\w|:)/g)].map(([name]) => name);
  return [...new Set(found.filter((name) => !words.has(name)))];
}
