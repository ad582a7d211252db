/** What agents remember of their checks, asked of them when it is wanted: so that it outlives every control plane. */
import { type HealthLevel, instanceKey } from "@legation/contract";
import type { HealthHistoryEntry } from "@legation/contract/api";
import type { Commander } from "../channel/commander.js";
import type { InstanceStatus } from "./instance-status.js";

/** Agents that are asked for one answer, at most; of a service with more instances those that are worst off. */
export const agentsAsked = 20;

/** How long an agent may take; milliseconds. */
export const historyLimit = 2_000;

/** Asks the agents of these instances, and resolves to what those remember that answer. Never rejects. */
export type AskHistory = (instances: readonly InstanceStatus[]) => Promise<readonly HealthHistoryEntry[]>;

/** Makes the function. */
export function createAskHistory(commander: Pick<Commander, "command">): AskHistory {
  return async (instances) => {
    const reporting = instances.filter(({ agent }) => agent === "reporting");
    const worstFirst = [...reporting].sort((a, b) => Number(b.level === "UNHEALTHY") - Number(a.level === "UNHEALTHY"));
    const asked = worstFirst.slice(0, agentsAsked).map(async ({ node, id, service }) => {
      try {
        const { ok, body } = await commander.command({ node, id, service }, { kind: "status" }, historyLimit);
        return ok ? historyIn(body, instanceKey(node, id)) : [];
      } catch {
        return [];
      }
    });
    return (await Promise.all(asked)).flat();
  };
}

/** The history in what an agent says of its status. Looks that cannot be read are left out: the agent may be of another version. */
function historyIn(body: unknown, instance: string): HealthHistoryEntry[] {
  const { history } = ((body ?? {}) as { readonly health?: { readonly history?: unknown } }).health ?? {};
  return (Array.isArray(history) ? (history as unknown[]) : []).flatMap((look) => {
    const { check, outcome, message, at, responseTimeMs } = (look ?? {}) as Partial<Record<string, unknown>>;
    const status = typeof outcome === "string" && Object.hasOwn(levels, outcome) ? levels[outcome] : undefined;
    if (status === undefined || typeof at !== "string" || typeof responseTimeMs !== "number") return [];
    return [{ timestamp: at, status, check: String(check), message: String(message), response_time_ms: responseTimeMs, instance }];
  });
}

const levels: Readonly<Record<string, HealthLevel>> = { pass: "HEALTHY", warn: "DEGRADED", fail: "UNHEALTHY" };
