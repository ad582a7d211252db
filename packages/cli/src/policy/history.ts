/** `legation policy history`: the versions, the newest first. */
import type { CanaryView } from "@legation/contract/api";
import { option } from "@legation/runtime/command-line";
import { apiOptions, ask } from "../api.js";
import { createCommand } from "../create-command.js";
import { sentence, table } from "../layout.js";
import { canaryText } from "./list.js";

interface History {
  readonly bundles: readonly {
    readonly id: string;
    readonly version: number;
    readonly author: string;
    readonly reason: string;
    readonly at: string;
    readonly approval: string | null;
  }[];
}

/** Shows the history. */
export const { run, page } = createCommand({
  description:
    "Lists the versions of the policies, the newest first: when, who, why. Any of them can be compared (diff) and made live again (rollback).",
  examples: ["legation policy history --limit 10"],
  watchable: true,
  options: {
    limit: option.integer({ description: "How many", default: 50, min: 1, max: 1_000, flag: "--limit" }),
    ...apiOptions,
  },
  async answer(values, _words, { screen }) {
    const history = await ask<History>(values, { path: `/api/policies/history?limit=${values.limit}` });
    const rows = history.bundles.map(({ id, version, at, author, reason }) => [
      version,
      id.slice(0, 12),
      at.replace(/\.\d+Z$/, "Z"),
      author.replace(/^token \S+ \((.+)\)$/, "$1") || "-",
      reason || "-",
    ]);
    const text = rows.length > 0 ? table(["VERSION", "BUNDLE", "AT", "BY", "REASON"], rows, screen) : "No policies were ever set.\n";
    const { canary } = await ask<{ canary?: CanaryView | null }>(values, { path: "/api/policies" });
    return {
      json: { ...history, canary: canary ?? null },
      text: canary ? `${text}\n${sentence(canaryText(canary), screen)}` : text,
    };
  },
});
