/** `legation policy history`: the versions, the newest first. */
import type { CanaryView } from "@legation/control-plane/policies";
import { option } from "@legation/runtime";
import { apiOptions, ask } from "../api.js";
import { sentence, table } from "../layout.js";
import { canaryText } from "./list.js";
import { subcommand } from "./subcommand.js";

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
export const run = subcommand({
  name: "history",
  words: "",
  maxWords: 0,
  summary:
    "Lists the versions of the policies, the newest first: when, who, why. Any of them can be compared (diff) and made live again (rollback).",
  examples: ["legation policy history --limit 10"],
  options: {
    limit: option.integer({ description: "How many", default: 50, min: 1, max: 1_000, flag: "--limit" }),
    ...apiOptions,
  },
  async answer(values, _words, io) {
    const history = await ask<History>(values, { path: `/v1/policies/history?limit=${values.limit}` });
    const rows = history.bundles.map(({ id, version, at, author, reason }) => [
      version,
      id.slice(0, 12),
      at.replace(/\.\d+Z$/, "Z"),
      author.replace(/^token \S+ \((.+)\)$/, "$1") || "-",
      reason || "-",
    ]);
    const text =
      rows.length > 0 ? table(["VERSION", "BUNDLE", "AT", "BY", "REASON"], rows, io.stdout.columns) : "No policies were ever set.\n";
    const { canary } = await ask<{ canary?: CanaryView | null }>(values, { path: "/v1/policies" });
    return {
      json: { ...history, canary: canary ?? null },
      text: canary ? `${text}\n${sentence(canaryText(canary), io.stdout.columns)}` : text,
    };
  },
});
