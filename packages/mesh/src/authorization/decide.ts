/** Whether a call is allowed, and which intention says so: what the compiled rules do in Envoy, as one function. */
import { covers, effectOf, type Intention, intentionName, intentionsTo, type ServiceMatch, type Verdict } from "./intention.js";
import { type CallRequest, permissionMatches } from "./request-match.js";

/** A call. */
export interface Call {
  readonly from: ServiceMatch;
  readonly to: ServiceMatch;
  /** Left out for a TCP connection: it has nothing that a permission could match, so that an intention with permissions denies it. */
  readonly request?: CallRequest;
}

/** What becomes of a call, and why. */
export interface Decision {
  readonly verdict: Verdict;
  /** The rule's name, as it stands in Envoy's access log when it denies. */
  readonly rule: string;
  /** The intention that holds; undefined when none does. */
  readonly intention?: Intention;
  /** Position of the permission that matched, from 0. */
  readonly permission?: number;
  /** In words. */
  readonly reason: string;
}

/** Names of the rules that no intention wrote. */
export const defaultRule = "default";

/** The rule of a permission, by its position from 0; padded, so that names sort as the permissions stand. */
export function permissionRule(intention: Intention, position: number, count: number): string {
  return `${intentionName(intention)}#${String(position + 1).padStart(String(count).length, "0")}`;
}

/** The rule for requests that none of an intention's permissions matches. It sorts behind those of the permissions. */
export function unmatchedRule(intention: Intention): string {
  return `${intentionName(intention)}#${defaultRule}`;
}

/** Decides a call by the first intention that covers it, in Consul's order, or else by the default. */
export function decide(intentions: Iterable<Intention>, byDefault: Verdict, { from, to, request }: Call): Decision {
  const intention = intentionsTo(to, intentions).find(({ source }) => covers(source, from));
  if (!intention)
    return { verdict: byDefault, rule: defaultRule, reason: `no intention speaks of this call, and the default is ${byDefault}` };
  const name = intentionName(intention);
  const effect = effectOf(intention);
  if (typeof effect === "string") {
    const why = intention.flaw === undefined ? "" : `, because it cannot be carried out: ${intention.flaw}`;
    return { verdict: effect, rule: name, intention, reason: `intention ${name} says ${effect}${why}` };
  }
  if (!request)
    return {
      verdict: "deny",
      rule: name,
      intention,
      reason: `intention ${name} has permissions for requests, and this is a connection without`,
    };
  const position = effect.findIndex((permission) => permissionMatches(permission, request));
  const permission = effect[position];
  if (!permission) {
    const reason = `no permission of intention ${name} matches the request, and the default is ${byDefault}`;
    return { verdict: byDefault, rule: unmatchedRule(intention), intention, reason };
  }
  const reason = `permission ${position + 1} of intention ${name} says ${permission.action}`;
  return { verdict: permission.action, rule: permissionRule(intention, position, effect.length), intention, permission: position, reason };
}
