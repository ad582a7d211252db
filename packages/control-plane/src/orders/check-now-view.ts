/** What the checks of many instances found, service by service, in the words of the orchestration API (REQUIREMENTS R7). Pure. */
import { type HealthLevel, healthLevels, instanceKey } from "@legation/contract";
import type { CheckNowAnswer } from "@legation/contract/api";
import type { InstanceStatus } from "../status/instance-status.js";
import type { ServiceStatus } from "../status/service-status.js";
import { worstLevel } from "../status/severity.js";
import type { CheckResults } from "./check-now.js";

type ServiceResult = CheckNowAnswer["results"][string];
type InstanceResult = ServiceResult["details"]["instances"][string];
type Finding = InstanceResult["checks"][number];

/** The answer of `POST /api/orchestration/health/check-now`; `now` is RFC 3339. */
export function checkNowView(o: {
  readonly services: readonly Pick<ServiceStatus, "name" | "instances">[];
  readonly results: CheckResults;
  readonly silent: readonly string[];
  readonly now: string;
}): CheckNowAnswer {
  let complete = true;
  const results = o.services.map(({ name, instances }): [string, ServiceResult] => {
    const found = instances.map((instance): [string, InstanceResult] => {
      const result = resultOf(instance, o.results);
      complete &&= result.answered || instance.agent === "none";
      return [instanceKey(instance.node, instance.id), result];
    });
    const status = worstLevel(found.map(([, result]) => result.status));
    const [worst] = found.filter(([, result]) => result.status === status);
    const times = found.flatMap(([, result]) => result.checks.map((check) => check.response_time_ms));
    const message = worst ? `${found.length > 1 ? `${worst[0]}: ` : ""}${worst[1].message}` : "it has no instance";
    return [
      name,
      {
        service_name: name,
        status,
        timestamp: o.now,
        message,
        details: { instances: Object.fromEntries(found) },
        response_time_ms: times.length > 0 ? Math.max(...times) : null,
      },
    ];
  });
  return {
    success: complete,
    timestamp: o.now,
    composite_health: worstLevel(results.map(([, { status }]) => status)),
    results: Object.fromEntries(results),
    silent: o.silent,
  };
}

function resultOf(instance: InstanceStatus, results: CheckResults): InstanceResult {
  const result = results[instanceKey(instance.node, instance.id)];
  if (!result?.ok) return { status: instance.level, answered: false, message: unanswered(instance, result), checks: [] };
  const { level, results: looks } = (result.body ?? {}) as { readonly level?: unknown; readonly results?: unknown };
  const checks = (Array.isArray(looks) ? (looks as unknown[]) : []).flatMap(findingOf);
  const status = levelOf(level) ?? instance.level;
  const cause = checks.find((check) => check.level === status) ?? checks[0];
  return { status, answered: true, message: cause?.message ?? "it has no check", checks };
}

function unanswered({ agent, message }: InstanceStatus, result: CheckResults[string] | undefined): string {
  if (agent === "none") return message;
  if (result) return `its agent did not look: ${result.message}`;
  return result === null ? "its agent has not answered in time" : "its agent listens at no control plane that answers";
}

function findingOf(look: unknown): Finding[] {
  const { check, outcome, level, message, responseTimeMs } = (look ?? {}) as Partial<Record<string, unknown>>;
  const known = (["pass", "warn", "fail"] as const).find((word) => word === outcome);
  if (!known || typeof responseTimeMs !== "number") return [];
  return [
    {
      check: String(check),
      outcome: known,
      level: levelOf(level) ?? "UNKNOWN",
      message: String(message),
      response_time_ms: responseTimeMs,
    },
  ];
}

function levelOf(word: unknown): HealthLevel | undefined {
  return healthLevels.find((level) => level === word);
}
