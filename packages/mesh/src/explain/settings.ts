/** How requests are sent, in words, and which document says each of it. */
import type { DecidedBy } from "@legation/contract/api";
import type { CatalogService } from "../catalog/instance.js";
import { documentKey } from "../policy/document.js";
import type { RouteRule } from "../policy/route/rule.js";
import { withWishes } from "../policy/service/wishes.js";
import { synonyms, type TrafficSettings } from "../policy/traffic/settings.js";
import { type TrafficPolicies, trafficTo } from "../policy/traffic/traffic-policies.js";

/** One setting. */
export interface ExplainedSetting {
  readonly name: string;
  readonly value: string;
  readonly decidedBy: DecidedBy;
}

/** Who says a setting of a service, for requests of a rule: its field as a path, `timeouts.request`. */
export function deciderOf(policies: TrafficPolicies, service: CatalogService, rule: RouteRule | undefined, field: string): DecidedBy {
  const fields = [field, ...Object.entries(synonyms).flatMap(([other, meant]) => (meant === field ? [other] : []))];
  for (const { document, place, value } of sayers(policies, service, rule)) {
    const said = fields.find((path) => has(value, path));
    if (said !== undefined) return { source: "policy", document, path: `${place}${said}` };
  }
  const wished = at(withWishes(service.instances, policies.base).settings, field) !== at(policies.base, field);
  return wished ? { source: "registration" } : { source: "default" };
}

/** What was written, the narrowest first. */
function sayers(policies: TrafficPolicies, { name }: CatalogService, rule: RouteRule | undefined) {
  const route = rule && [...policies.routes.values()].flat().find((one) => documentKey(one) === rule.document);
  const documents = [policies.services.get(name), policies.mesh].filter((one) => one !== undefined);
  return [
    ...(rule && route ? [{ document: rule.document, place: `rules[${rule.index}].`, value: route.rules[rule.index] as unknown }] : []),
    ...documents.map((one) => ({ document: documentKey(one), place: "", value: one as unknown })),
  ];
}

function has(value: unknown, path: string): boolean {
  return at(value, path) !== undefined;
}

function at(value: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>((inside, key) => (inside as Record<string, unknown> | undefined)?.[key], value);
}

/** The settings that count for a request to a service; those of the rule where one takes it. */
export function settingsOf(
  policies: TrafficPolicies,
  service: CatalogService,
  rule: RouteRule | undefined,
  tcp: boolean,
): readonly ExplainedSetting[] {
  const own = trafficTo(service, policies).settings;
  const { timeouts, retries, hedging } = rule?.settings ?? own;
  const setting = (name: string, field: string, value: string, of = rule): ExplainedSetting => ({
    name,
    value,
    decidedBy: deciderOf(policies, service, of, field),
  });
  const shared = [
    setting("balancing", "balancing.strategy", own.balancing.strategy, undefined),
    ...(own.balancing.panicThreshold === 1
      ? []
      : [setting("panic threshold", "balancing.panicThreshold", `${own.balancing.panicThreshold} %`, undefined)]),
    setting("locality", "locality.prefer", localityWords(own), undefined),
    setting("breaker", "circuitBreaker.failureThreshold", breakerWords(own), undefined),
    setting("limits", "limits", limitWords(own), undefined),
  ];
  if (tcp) return shared;
  return [
    setting("timeout", "timeouts.request", time(timeouts.request)),
    ...(timeouts.perTry > 0 ? [setting("timeout of a try", "timeouts.perTry", time(timeouts.perTry))] : []),
    setting(
      "retries",
      "retries.attempts",
      retries.attempts === 0 ? "none" : `${retries.attempts} on ${retries.on.map(conditionWord).join(", ") || "nothing"}`,
    ),
    ...(hedging.enabled ? [setting("hedging", "hedging.enabled", "a second try when the first takes too long")] : []),
    ...shared,
  ];
}

function localityWords({ locality: { prefer, failover } }: TrafficSettings): string {
  if (prefer === "none") return "all instances alike";
  const first = prefer === "zone" ? "the caller's zone, then its region" : "the caller's region";
  return `${first} first, ${failover === "all" ? "then all others" : failover.length === 0 ? "and no other region" : `then ${failover.join(", ")}`}`;
}

function breakerWords({ circuitBreaker: { failureThreshold, recoveryTimeout, whenAllFail } }: TrafficSettings): string {
  return `${failureThreshold} failures in a row eject an instance for ${time(recoveryTimeout)}; when all fail: ${whenAllFail}`;
}

function limitWords({ limits }: TrafficSettings): string {
  return `${limits.requests} requests, ${limits.pendingRequests} of them waiting, ${limits.connections} connections`;
}

function conditionWord(condition: TrafficSettings["retries"]["on"][number]): string {
  return typeof condition === "object" ? `header ${condition.header}` : String(condition);
}

function time(ms: number): string {
  if (ms === 0) return "none";
  return ms % 1_000 === 0 ? `${ms / 1_000} s` : `${ms} ms`;
}
