/** `legation ledger`: what became of each change at the proxies of all control planes, or of one in full. */
import type { LedgerAnswer, LedgerEntry, LedgerList } from "@legation/contract/api";
import { option } from "@legation/runtime/command-line";
import { apiOptions, ask } from "../api.js";
import { createCommand } from "../create-command.js";
import { showChange, showLedger } from "../ledger/list.js";

const kinds = ["registry", "health", "policy", "intention", "certificate"] as const satisfies readonly LedgerEntry["kind"][];

const options = {
  id: option.string({ description: "Show this change in full, with the proxies that lag behind", flag: "--id" }),
  service: option.string({ description: "Only changes about this service", unit: "service", flag: "--service" }),
  kind: option.enumeration(kinds, { description: "Only changes of this kind", flag: "--kind" }),
  since: option.duration({ description: "Only changes of the last so long", flag: "--since" }),
  limit: option.integer({ description: "How many changes, the newest ones", default: 20, min: 1, max: 1_000, flag: "--limit" }),
  ...apiOptions,
};

/** The command. */
export const { run, page } = createCommand({
  description:
    "Lists what changed, newest last: instances, health, policies, intentions and certificates; how many of the proxies that each change " +
    "concerns have acknowledged it, at all control planes, and how long half and 99 % of them took from the moment at which it was seen. Times are UTC. " +
    "A change has the same ID at every control plane.",
  options,
  examples: [
    "legation ledger",
    "legation ledger --service orders --since 10m --watch",
    ["legation ledger --id health:orders:1234", "Shows each step of one change, and which proxies lag behind"],
  ],
  seeAlso: ["legation proxies", "legation explain"],
  watchable: true,
  async answer(values, _words, { io, screen }) {
    const { id, service, kind, since, limit } = values;
    if (id !== undefined) {
      const answer = await ask<LedgerAnswer>(values, { path: `/api/ledger/${encodeURIComponent(id)}` });
      return { json: answer, text: () => showChange(answer, screen) };
    }
    const query = new URLSearchParams({ limit: String(limit) });
    if (service !== undefined) query.set("service", service);
    if (kind !== undefined) query.set("kind", kind);
    if (since !== undefined) query.set("since", new Date(io.clock.now() - since).toISOString());
    const list = await ask<LedgerList>(values, { path: `/api/ledger?${query}` });
    return { json: list, text: () => showLedger(list, screen) };
  },
});
