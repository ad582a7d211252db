/** The way of a request for people: a walk from the caller to whoever answers. */
import type { DecidedBy, ExplainedEndpoint, ExplainedWay, Explanation } from "@legation/contract/api";
import { sentence, table } from "../layout.js";
import type { Level, Screen } from "../screen.js";

/** The whole walk. */
export function showExplanation(told: Explanation, screen: Screen): string {
  const { request, caller, summary, steps, ways, outcomes, notes, otherCallers, silent } = told;
  const zone = caller.zone === "" ? "" : ` in zone ${caller.zone}`;
  const answered = outcomes.every(({ by }) => by === "instance");
  const parts = [
    sentence(`${request.method} ${request.url} from ${caller.service} (${caller.instance}${zone})`, screen, "strong"),
    sentence(summary, screen, answered ? "good" : outcomes.some(({ by }) => by === "instance") ? "warn" : "bad"),
    "\n",
    ...steps.flatMap(({ at, name, text, details, decidedBy }) => [
      sentence(`${at} ${name}: ${text}${deciders(decidedBy)}`, screen),
      ...details.map((detail) => sentence(`- ${detail}`, screen)),
    ]),
    ...ways.map((way) => showWay(way, screen)),
    ...notes.map((note) => sentence(`Note: ${note}`, screen, "warn")),
    ...otherCallers.map(({ instance, summary: other }) => sentence(`${instance}: ${other}`, screen)),
    ...silent.map((who) => sentence(`Not asked: ${who}`, screen, "warn")),
  ];
  return parts.join("");
}

/** A share in words: `33.3 %`. */
export function percent(share: number): string {
  return `${Math.round(share * 1_000) / 10} %`;
}

function showWay({ share, service, subset, text, settings, endpoints }: ExplainedWay, screen: Screen): string {
  const part = share < 1 ? ` (${percent(share)})` : "";
  const of = subset === undefined ? service : `subset ${subset} of ${service}`;
  const said = settings.map(({ name, value, decidedBy }) => `${name}: ${value}${deciders([decidedBy])}`);
  const rows = endpoints.map((one) => [one.instance, percent(one.share), { text: one.state, ...levelOf(one) }, whyOf(one)]);
  return [
    "\n",
    sentence(`cluster ${of}${part}: ${text}`, screen),
    ...said.map((line) => sentence(`- ${line}`, screen)),
    ...(rows.length > 0 ? [table(["INSTANCE", "SHARE", "STATE", "WHY"], rows, screen)] : []),
  ].join("");
}

function whyOf({ reason, checks }: ExplainedEndpoint): string {
  const said = checks.map(
    ({ id, status, output, since }) => `check ${id} is ${status}${since ? ` since ${since}` : ""}${output ? `: ${output}` : ""}`,
  );
  return [reason, ...said].join("; ");
}

function levelOf({ state }: ExplainedEndpoint): { level?: Level } {
  if (state === "serving") return { level: "good" };
  return state === "standby" || state === "other-subset" || state === "other-region" ? { level: "faint" } : { level: "bad" };
}

/** Who decided, where that is more than a default: ` [Service/orders timeouts.request]`. */
function deciders(decidedBy: readonly DecidedBy[]): string {
  const words = decidedBy.flatMap(({ source, document, path }) => {
    if (document !== undefined) return [path === undefined ? `${source} ${document}` : `${document} ${path}`];
    return source === "registration" ? ["the service's registration"] : [];
  });
  return words.length > 0 ? ` [${words.join(", ")}]` : "";
}
