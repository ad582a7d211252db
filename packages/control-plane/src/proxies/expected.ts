/** Which proxies should be connected: those of registered instances with an Envoy, and those that agents report. */
import { type AgentReport, instanceKey } from "@legation/contract";
import type { CatalogService } from "@legation/mesh";

/** A report of an agent, wherever it came to. */
export interface KnownReport {
  readonly report: Pick<AgentReport, "node" | "id" | "service" | "state" | "standing">;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
  readonly silent: boolean;
}

/** A proxy that should be there, and what is known of why it may not be. */
export interface ExpectedProxy {
  readonly service: string;
  readonly reason: string;
}

/** States in which a service has no Envoy, or is about to have none. */
const without: readonly AgentReport["state"][] = ["stopping", "stopped"];

/** By node. */
export function expectedProxies(
  services: Iterable<Pick<CatalogService, "name" | "instances">>,
  reports: ReadonlyMap<string, KnownReport>,
): ReadonlyMap<string, ExpectedProxy> {
  const found = new Map<string, ExpectedProxy>();
  for (const { name, instances } of services)
    for (const { node, id, mesh, kept } of instances) {
      const key = instanceKey(node, id);
      if (mesh && !kept) found.set(key, { service: name, reason: whyOf(reports.get(key)) });
    }
  for (const [key, known] of reports) {
    const { service, standing, state } = known.report;
    if (standing?.envoy && !known.silent && !without.includes(state)) found.set(key, { service, reason: whyOf(known) });
  }
  return found;
}

function whyOf(known: KnownReport | undefined): string {
  if (!known) return "it is registered with an Envoy, and no agent reports for it";
  if (known.silent) return `its agent has said nothing since ${new Date(known.receivedAt).toISOString()}`;
  const { envoy } = known.report.standing ?? {};
  if (!envoy) return "it is registered with an Envoy, and its agent runs none";
  if (envoy.phase === "live") return "its agent reports that its Envoy lives, and that is connected to no control plane";
  return `its Envoy is ${envoy.phase}: ${envoy.reason}`;
}
