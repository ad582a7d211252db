/** Which virtual host a request is for: Envoy's domains. */
import type { VirtualHost } from "@legation/envoy-api/envoy/config/route/v3/route_components";

/**
 * The virtual host for an authority, whose port is not looked at: that with the very name, else with the longest `*.name`, else with the
 * longest `name.*`, else `*`; undefined where there is none of these.
 */
export function virtualHostFor(hosts: readonly VirtualHost[], authority: string): VirtualHost | undefined {
  const host = authority.toLowerCase().replace(/:\d+$/, "");
  let best: { readonly host: VirtualHost; readonly rank: number; readonly length: number } | undefined;
  for (const candidate of hosts) {
    for (const domain of candidate.domains) {
      const rank = rankOf(domain.toLowerCase(), host);
      if (rank === 0) continue;
      if (!best || rank > best.rank || (rank === best.rank && domain.length > best.length))
        best = { host: candidate, rank, length: domain.length };
    }
  }
  return best?.host;
}

/** 0 for no match. A star stands for at least one character. */
function rankOf(domain: string, host: string): number {
  if (domain === "*") return 1;
  if (domain === host) return 4;
  if (host.length < domain.length) return 0;
  if (domain.startsWith("*") && host.endsWith(domain.slice(1))) return 3;
  if (domain.endsWith("*") && host.startsWith(domain.slice(0, -1))) return 2;
  return 0;
}
