/**
 * Intentions → the rules of Envoy's RBAC for one destination.
 *
 * The rules have the action DENY and name every refusal by what refuses it, whichever the default is; under ALLOW Envoy knows no reason.
 * They stand for an ordered list: a policy excludes the callers (and, among the permissions of one intention, the requests) that an
 * earlier one allowed or was asked about. Envoy's ordered form (`matcher`) is not used, because its inputs see the path with its query
 * and hold no header matcher: a path's regular expression could be passed by a query, `/secret?.css`.
 */
import { create } from "@bufbuild/protobuf";
import {
  type Permission as EnvoyPermission,
  PermissionSchema,
  type Policy,
  PolicySchema,
  type Principal,
  PrincipalSchema,
  type RBAC,
  RBAC_Action,
  RBACSchema,
} from "@legation/envoy-api/envoy/config/rbac/v3/rbac";
import { defaultRule, permissionRule, unmatchedRule } from "./decide.js";
import {
  covers,
  effectOf,
  type Intention,
  intentionName,
  intentionsTo,
  type Permission,
  type ServiceMatch,
  type Verdict,
} from "./intention.js";
import { requestsOf } from "./rbac-permission.js";
import { anyService, callersOf } from "./rbac-principal.js";

/** The rule for callers whose certificate names no service of the trust domain. */
export const strangerRule = "not-a-service";

/** What the rules of a destination are made of. */
export interface DenialInput {
  readonly destination: ServiceMatch;
  readonly intentions: Iterable<Intention>;
  readonly byDefault: Verdict;
  readonly trustDomain: string;
  /** False for TCP, where an intention with permissions denies. */
  readonly requests: boolean;
}

/** The rules. What none of them names is allowed. */
export function denials({ destination, intentions, byDefault, trustDomain, requests }: DenialInput): RBAC {
  const asked = intentionsTo(destination, intentions);
  const sources = asked.map(({ source }) => source);
  const policies: Record<string, Policy> = {};
  asked.forEach((intention, i) => {
    const told = sources.slice(0, i).filter((earlier) => covers(intention.source, earlier));
    const callers = but(
      callersOf(intention.source, trustDomain),
      told.map((source) => callersOf(source, trustDomain)),
    );
    const effect = effectOf(intention);
    const rules = typeof effect === "string" || !requests ? wholly(intention, effect === "allow") : byRequest(intention, effect, byDefault);
    for (const [name, permission] of rules) policies[name] = create(PolicySchema, { principals: [callers], permissions: [permission] });
  });
  const rest = byDefault === "deny" ? sources.map((source) => callersOf(source, trustDomain)) : [anyService(trustDomain)];
  const name = byDefault === "deny" ? defaultRule : strangerRule;
  policies[name] = create(PolicySchema, { principals: [noneOf(rest)], permissions: [anything()] });
  return create(RBACSchema, { action: RBAC_Action.DENY, policies });
}

type Rule = readonly [name: string, permission: EnvoyPermission];

function wholly(intention: Intention, allowed: boolean): Rule[] {
  return allowed ? [] : [[intentionName(intention), anything()]];
}

/** One rule for each permission that denies, and one for the rest where the default does. Envoy asks policies in the order of their names. */
function byRequest(intention: Intention, permissions: readonly Permission[], byDefault: Verdict): Rule[] {
  const rules: Rule[] = [];
  const allowed: EnvoyPermission[] = [];
  permissions.forEach((permission, i) => {
    const requests = requestsOf(permission);
    if (permission.action === "allow") allowed.push(requests);
    else rules.push([permissionRule(intention, i, permissions.length), allOf([requests, ...not(allowed)])]);
  });
  if (byDefault === "deny") rules.push([unmatchedRule(intention), allOf([anything(), ...not(allowed)])]);
  return rules;
}

function anything(): EnvoyPermission {
  return create(PermissionSchema, { rule: { case: "any", value: true } });
}

function not(permissions: readonly EnvoyPermission[]): EnvoyPermission[] {
  return permissions.map((permission) => create(PermissionSchema, { rule: { case: "notRule", value: permission } }));
}

function allOf(rules: readonly EnvoyPermission[]): EnvoyPermission {
  const [only] = rules;
  return only && rules.length === 1 ? only : create(PermissionSchema, { rule: { case: "andRules", value: { rules: [...rules] } } });
}

function but(callers: Principal, others: readonly Principal[]): Principal {
  if (others.length === 0) return callers;
  return create(PrincipalSchema, { identifier: { case: "andIds", value: { ids: [callers, noneOf(others)] } } });
}

function noneOf(callers: readonly Principal[]): Principal {
  if (callers.length === 0) return create(PrincipalSchema, { identifier: { case: "any", value: true } });
  const any = create(PrincipalSchema, { identifier: { case: "orIds", value: { ids: [...callers] } } });
  return create(PrincipalSchema, { identifier: { case: "notId", value: any } });
}
