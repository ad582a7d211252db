/** How a proxy stands, in a word and in a sentence. Pure. */
import type { ProxyState, ProxyStream } from "@legation/contract/api";

/** Judges a connected proxy by its newest stream. */
export function stateOf(row: ProxyStream): { readonly state: ProxyState; readonly reason: string } {
  const { types, ready, problems, quarantined, behindMs } = row;
  const refused = types.flatMap(({ type, rejected }) => rejected.map((one) => ({ type, ...one })));
  const [first] = refused;
  if (first) {
    const source = first.policies.length > 0 ? `${first.policies.join("; ")}: ` : "";
    const more = refused.length > 1 ? `, and ${refused.length - 1} more` : "";
    return { state: "refused", reason: `${source}it refused ${first.type} ${first.name}${more}: ${first.message}` };
  }
  if (!ready) {
    const why = row.service === null ? "it does not say of which service it is" : "its control plane has no state for it yet";
    return { state: "waiting", reason: problems[0] ? `${why}: ${problems[0].message}` : why };
  }
  const owed = types.filter(({ outstandingSince }) => outstandingSince !== null).map(({ type }) => type);
  const missing = types.reduce((sum, { sent, acknowledged }) => sum + sent - acknowledged, 0);
  if (owed.length > 0)
    return { state: "behind", reason: `it has not acknowledged ${missing} resources (${owed.join(", ")}) for ${seconds(behindMs ?? 0)}` };
  const [held] = quarantined;
  if (held)
    return { state: "quarantined", reason: quarantined.length > 1 ? `${held.text}; and ${quarantined.length - 1} more` : held.text };
  const count = types.reduce((sum, { sent }) => sum + sent, 0);
  return { state: "up-to-date", reason: `it has acknowledged all ${count} resources` };
}

/** `0.4 s`, `12 s`. */
function seconds(ms: number): string {
  return ms < 10_000 ? `${(ms / 1_000).toFixed(1)} s` : `${Math.round(ms / 1_000)} s`;
}
