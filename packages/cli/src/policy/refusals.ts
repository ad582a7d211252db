/** What proxies refused, for people: one sentence for all resources that the same policies have spoilt. */
import type { QuarantineView } from "@legation/contract/api";
import { sentence } from "../layout.js";
import type { Screen } from "../screen.js";

/** The sentences, wrapped at the screen's width; empty where there is nothing. */
export function refusalsText(refusals: readonly QuarantineView[], screen: Screen): string {
  const groups = new Map<string, QuarantineView[]>();
  for (const refusal of refusals) {
    const key = JSON.stringify([refusal.policies, refusal.service, refusal.message, refusal.instead]);
    groups.set(key, [...(groups.get(key) ?? []), refusal]);
  }
  return [...groups.values()]
    .map(([first, ...others]) => {
      const more = others.length === 0 ? "" : ` So it is with ${others.length} more ${others.length === 1 ? "resource" : "resources"}.`;
      return sentence(`Refused: ${first?.text}.${more}`, screen);
    })
    .join("");
}
