/** What Consul says of an instance → what EDS says of its endpoint: the one table, with a reason for each row. */
import { agentCheckPrefix, drainingReason, maintenanceCheckId } from "@legation/contract";
import { addressProblem } from "./address.js";
import { type CatalogService, type Check, compareText, type Instance } from "./instance.js";

/** The states that EDS can carry for an endpoint. */
export type EndpointHealth = "HEALTHY" | "DEGRADED" | "UNHEALTHY" | "DRAINING";

/** How an instance stands in EDS. `weight` is 1 or more, as Envoy demands; `reason` is stable text for people. */
export interface Endpoint {
  readonly health: EndpointHealth;
  readonly weight: number;
  readonly reason: string;
  readonly omitted?: undefined;
}

/** An instance that EDS does not carry, and why. */
export interface Omission {
  readonly omitted: true;
  readonly reason: string;
}

/**
 * The state of an instance's endpoint (DESIGN §4). Rows are tried from top to bottom:
 *
 * | instance | endpoint |
 * |---|---|
 * | no usable address or port | omitted |
 * | critical, and never yet passing | omitted, so that slow start begins at the first pass |
 * | service or node maintenance, leaving notice | DRAINING |
 * | any check critical | UNHEALTHY |
 * | the weight of its state is 0 | DRAINING: Consul's word for "no new requests", and EDS has no weight 0 |
 * | any check warning | HEALTHY with `Weights.Warning` |
 * | passing, or no checks at all | HEALTHY with `Weights.Passing` |
 *
 * An instance held by the mass-loss guard stands as it was last seen.
 */
export function endpointOf(instance: Instance): Endpoint | Omission {
  const unreachable = addressProblem(instance);
  if (unreachable) return { omitted: true, reason: unreachable };
  const critical = instance.checks.filter((check) => check.status === "critical").sort((a, b) => compareText(a.id, b.id));
  const warning = instance.checks.filter((check) => check.status === "warning").sort((a, b) => compareText(a.id, b.id));
  const first = critical[0];
  if (first && !instance.everPassed) return { omitted: true, reason: `registered, never yet passing: ${named(critical)}` };

  const weight = first || warning.length === 0 ? instance.weights.passing : instance.weights.warning;
  const at = (health: EndpointHealth, reason: string): Endpoint => ({
    health,
    weight: Math.max(1, Math.trunc(weight)),
    reason: instance.kept ? `${reason}; vanished from the registry with most of its service, kept by the mass-loss guard` : reason,
  });
  const maintenance = critical.find((check) => isMaintenanceCheck(check, instance));
  if (maintenance) return at("DRAINING", maintenanceReason(maintenance));
  if (instance.leaving) return at("DRAINING", "leaving: its agent has announced a stop");
  if (first) return at("UNHEALTHY", `critical: ${named(critical)}`);
  const state = warning.length > 0 ? `warning: ${named(warning)}` : instance.checks.length > 0 ? "passing" : "no checks";
  if (weight < 1) return at("DRAINING", `${state}, with weight 0: no traffic`);
  return at("HEALTHY", state);
}

/**
 * The states of a service's endpoints, each as `endpointOf` but for one case: when none serves, those that only their silence speaks against
 * do. Consul that was away has heard no heartbeat of anybody, and all lapse at once. Envoy's own way out, to try all whatever their health,
 * would try those too that are known to leave or to be ill.
 */
export function endpointsOf({ instances }: CatalogService): ReadonlyMap<Instance, Endpoint | Omission> {
  const alone = new Map(instances.map((instance) => [instance, endpointOf(instance)]));
  if ([...alone.values()].some(isServing)) return alone;
  return new Map([...alone].map(([instance, endpoint]) => [instance, isSilent(instance, endpoint) ? despiteSilence(endpoint) : endpoint]));
}

function isSilent({ checks }: Instance, endpoint: Endpoint | Omission): endpoint is Endpoint {
  return !endpoint.omitted && endpoint.health === "UNHEALTHY" && checks.every((check) => check.status !== "critical" || hasLapsed(check));
}

function despiteSilence(endpoint: Endpoint): Endpoint {
  return { ...endpoint, health: "HEALTHY", reason: `${endpoint.reason}; tried all the same, since no instance of its service passes` };
}

/**
 * True for a critical check that is so because nobody has updated it within its TTL, which Consul writes into the output; and for an agent's
 * check that is critical without a word: a Consul that was restarted holds all of them for critical until it hears of them again.
 */
export function hasLapsed({ id, status, output }: Check): boolean {
  if (status !== "critical") return false;
  return output.startsWith("TTL expired") || (output === "" && id.startsWith(agentCheckPrefix));
}

/** True for an endpoint that takes new requests. */
export function isServing(endpoint: Endpoint | Omission): endpoint is Endpoint {
  return !endpoint.omitted && (endpoint.health === "HEALTHY" || endpoint.health === "DEGRADED");
}

const nodeMaintenanceCheckId = "_node_maintenance";

/** True for the check by which Consul holds an instance, or all of its node, in maintenance. */
export function isMaintenanceCheck(check: Check, instance: Instance): boolean {
  return check.id === nodeMaintenanceCheckId || check.id === maintenanceCheckId(instance.id);
}

function maintenanceReason(check: Check): string {
  if (check.output.includes(drainingReason)) return "draining";
  return check.id === nodeMaintenanceCheckId ? "its Consul node is in maintenance" : "in maintenance";
}

function named(checks: readonly Check[]): string {
  return checks.map((check) => `check ${check.id}`).join(", ");
}
