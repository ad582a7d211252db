/** Which proxies get a canary: one of each service that it changes something for. */

/** The first by name of each service's proxies, sorted by service. */
export function chooseCanaries(changed: readonly { readonly node: string; readonly service: string }[]) {
  const chosen = new Map<string, string>();
  for (const { node, service } of changed) {
    const known = chosen.get(service);
    if (known === undefined || node < known) chosen.set(service, node);
  }
  return [...chosen].map(([service, node]) => ({ node, service })).sort((a, b) => (a.service < b.service ? -1 : 1));
}
