/** The ledger as a table, and one change in full. */
import type { LedgerAnswer, LedgerEntry, LedgerList, LedgerReplica } from "@legation/contract/api";
import type { Cell } from "../layout.js";
import { sentence, table } from "../layout.js";
import type { Level, Screen } from "../screen.js";

/** The table, newest last. */
export function showLedger({ changes, more, silent }: LedgerList, screen: Screen): string {
  if (changes.length === 0) return sentence("The ledger holds no such change.", screen) + notes(silent, screen);
  const rows = changes.map((entry) => [clockOf(entry.seen), entry.id, entry.what, standing(entry), times(entry)]);
  const left = more ? sentence("Older changes are left out: --limit shows more.", screen) : "";
  return table(["SEEN", "ID", "WHAT", "PROXIES", "P50/P99 MS"], rows, screen) + left + notes(silent, screen);
}

/** Everything about one change. */
export function showChange({ change, silent }: LedgerAnswer, screen: Screen): string {
  const { proxies, acknowledgedMs: acknowledged, sentMs: sent, lastProxy } = change;
  const lines: string[] = [`${change.id}: ${change.what}`, `Seen ${change.seen}. ${outcomeText(change)}`];
  if (change.note) lines.push(`${change.note}.`);
  if (change.compiledMs !== undefined) lines.push(`Compiled after ${change.compiledMs} ms.`);
  if (sent) lines.push(`Sent after ${sent.first} ms to the first proxy and ${sent.last} ms to the last.`);
  if (acknowledged)
    lines.push(
      `Acknowledged by ${proxies.acknowledged} of ${proxies.concerned} proxies: half within ${acknowledged.p50} ms, 99 % within ` +
        `${acknowledged.p99} ms, the last (${lastProxy}) after ${acknowledged.last} ms.`,
    );
  const list = (what: string, names: readonly string[], count = names.length) =>
    names.length > 0 ? [`${what}: ${names.join(", ")}${count > names.length ? `, and ${count - names.length} more` : ""}.`] : [];
  lines.push(...list(proxies.waiting > 0 ? "Waits for" : "Without an answer", change.laggards, proxies.waiting + proxies.abandoned));
  lines.push(...list("Gone before they answered", change.gone, proxies.gone));
  for (const { node, resource, message, policies } of change.refusals)
    lines.push(`${node} refused ${resource}${policies.length > 0 ? ` (${policies.join("; ")})` : ""}: ${message}`);
  lines.push(...list("Made other", change.resources), ...list("Compiled together with", change.together));
  const rows = change.replicas.map((replica) => [
    replica.replica,
    seenAs(replica),
    replica.compiledMs ?? "-",
    replica.sentMs?.last ?? "-",
    replica.proxies ? `${replica.proxies.acknowledged} of ${replica.proxies.concerned}` : "-",
  ]);
  const above = lines.map((line) => sentence(line, screen)).join("");
  return `${above}\n${table(["CONTROL PLANE", "SEEN", "COMPILED MS", "SENT MS", "ACKNOWLEDGED"], rows, screen)}${notes(silent, screen)}`;
}

function seenAs({ state, coveredBy, seen }: LedgerReplica): string {
  if (state === "not-seen") return "not yet";
  if (state === "before") return "before its ledger begins";
  return `${clockOf(seen ?? "")}${coveredBy === undefined ? "" : ` as ${coveredBy}`}`;
}

function notes(silent: readonly string[], screen: Screen): string {
  return silent.map((one) => sentence(`A control plane is silent, and its proxies count as without it: ${one}.`, screen, "bad")).join("");
}

/** How many have it, or why that is no question. */
function standing(entry: LedgerEntry): Cell {
  const { proxies, outcome } = entry;
  const has = `${proxies.acknowledged} of ${proxies.concerned}`;
  const texts: Readonly<Record<LedgerEntry["outcome"], readonly [string, Level?]>> = {
    acknowledged: [has, "good"],
    waiting: [proxies.concerned > 0 ? `${has}, waiting` : "waiting", "warn"],
    refused: [`${has}, ${proxies.refused} refused`, "bad"],
    overtaken: ["overtaken", "faint"],
    "nothing-to-send": ["nothing to send", "faint"],
    abandoned: [`${has}, ${proxies.abandoned} unknown`, "warn"],
    unknown: [`${has} known`, "warn"],
  };
  const [text, level] = texts[outcome];
  return level === undefined ? { text } : { text, level };
}

function outcomeText({ outcome, overtakenBy, proxies }: LedgerEntry): string {
  const texts: Readonly<Record<LedgerEntry["outcome"], string>> = {
    acknowledged: proxies.gone > 0 ? "All proxies that it concerns have it, or are gone." : "All proxies that it concerns have it.",
    waiting: "Not all proxies that it concerns have answered, or not every control plane has seen it.",
    refused: `${proxies.refused} of ${proxies.concerned} proxies refused it.`,
    overtaken: `Overtaken by ${overtakenBy} before it was sent.`,
    "nothing-to-send": "It makes nothing other for a connected proxy.",
    abandoned: "Of some proxies it is not known any more whether they took it.",
    unknown: "A control plane is silent: its proxies may be without it.",
  };
  return texts[outcome];
}

/** Whole milliseconds, unless there are few. */
function times({ acknowledgedMs }: LedgerEntry): string {
  if (!acknowledgedMs) return "-";
  return [acknowledgedMs.p50, acknowledgedMs.p99].map((ms) => (ms < 10 ? ms.toFixed(1) : String(Math.round(ms)))).join("/");
}

/** `12:30:05` of an RFC 3339 time, in UTC as there. */
function clockOf(time: string): string {
  return time.slice(11, 19);
}
