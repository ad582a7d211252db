/** `legation policy list`: what is in force, and what waits for signatures. */
import type { CanaryView, QuarantineView } from "@legation/contract/api";
import type { PolicyDocument } from "@legation/mesh/policy/documents";
import { apiOptions, ask } from "../api.js";
import { createCommand } from "../create-command.js";
import { sentence, table } from "../layout.js";
import type { Screen } from "../screen.js";
import { refusalsText } from "./refusals.js";

interface PolicyList {
  readonly origin: string;
  readonly bundle: { readonly version: number; readonly author: string; readonly at: string; readonly reason: string } | null;
  readonly documents: readonly PolicyDocument[];
  readonly problem: { readonly message: string } | null;
  /** Absent from a control plane of an earlier version. */
  readonly quarantined?: readonly QuarantineView[];
  readonly silent?: readonly string[];
  /** Absent from a control plane of an earlier version. */
  readonly canary?: CanaryView | null;
  readonly proposals: readonly string[];
}

/** Lists. */
export const { run, page } = createCommand({
  description:
    "Lists the policies that a control plane has in force, where they come from, what is wrong with newer ones, what proxies refuse of them, and the proposals.",
  examples: ["legation policy list", "legation policy list --json"],
  watchable: true,
  options: apiOptions,
  async answer(values, _words, { screen }) {
    const list = await ask<PolicyList>(values, { path: "/api/policies" });
    return { json: list, text: show(list, screen) };
  },
});

function show(
  { origin, bundle, documents, problem, quarantined = [], silent = [], canary, proposals }: PolicyList,
  screen: Screen,
): string {
  const rows = documents.map(({ apiVersion, kind, name, ...rest }) => [kind, name, says(rest)]);
  const by =
    bundle &&
    `Version ${bundle.version} by ${bundle.author || "nobody named"}, ${bundle.at.replace(/\.\d+Z$/, "Z")}${bundle.reason ? `: ${bundle.reason}` : ""}`;
  return [
    by ? sentence(`${by}${origin === "store" ? "" : ` (files in ${origin})`}`, screen) : "No policies are set.\n",
    rows.length > 0 ? `\n${table(["KIND", "NAME", "SAYS"], rows, screen)}` : "",
    problem ? `\n${sentence(`Newer policies are not in force: ${problem.message}`, screen)}` : "",
    quarantined.length > 0 ? `\n${refusalsText(quarantined, screen)}` : "",
    ...silent.map((words) => `\n${sentence(`No answer from the control plane at ${words}`, screen, "bad")}`),
    canary && isNews(canary, bundle) ? `\n${sentence(canaryText(canary), screen)}` : "",
    ...proposals.map((id) => `\n${sentence(`Waits for signatures: ${id}`, screen)}`),
  ].join("");
}

/** One that was over before the version in force came is in the history alone. */
function isNews({ state, endedAt }: CanaryView, bundle: PolicyList["bundle"]): boolean {
  return state === "running" || !bundle || (endedAt ?? "") > bundle.at;
}

/** What the last canary is, or what became of it. */
export function canaryText({ version, changed, proxies, state, standing, verdict, endedAt }: CanaryView): string {
  const what = `Canary of version ${version} (${changed.join(", ")}) on ${proxies.map(({ node }) => node).join(", ")}`;
  if (state === "running") return `${what}: it runs${standing ? `, ${standing}` : ""}.`;
  return `${what}: ${state} ${endedAt?.replace(/\.\d+Z$/, "Z") ?? ""}: ${verdict}.`;
}

/** `mode: strict, service: orders`. */
function says(fields: Readonly<Record<string, unknown>>): string {
  return Object.entries(fields)
    .map(([key, value]) => `${key}: ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(", ");
}
