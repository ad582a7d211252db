/** Why a request is refused, in words that say what to do. */
import { type AclRule, ruleToHcl } from "@legation/consul";
import type { FastifyRequest } from "fastify";
import { type Caller, nameOfCaller } from "./caller.js";

/** A refusal as it is answered. */
export interface Refusal {
  readonly status: 401 | 403 | 429 | 503;
  readonly code: string;
  readonly detail: string;
  /** The rules that are missing, as HCL. */
  readonly missing?: string;
  /** Seconds after which it is worth another try. */
  readonly retryAfter?: number;
}

const how =
  'Send a Consul ACL token as "X-Consul-Token: TOKEN" or "Authorization: Bearer TOKEN"; the legation command takes it from CONSUL_HTTP_TOKEN or --token-file';

/** No token was sent, and what is asked for needs `rules`. */
export function tokenMissing(what: string, rules: readonly AclRule[]): Refusal {
  const missing = hclOf(rules);
  const need = missing === "" ? "a token" : `a token with ${missing}`;
  return { status: 401, code: "access.token-missing", detail: `${what} needs ${need}. ${how}`, ...(missing === "" ? {} : { missing }) };
}

/** What was sent is no token that Consul knows. */
export function tokenUnknown(what: string): Refusal {
  const why = "Consul does not know the token that was sent: it is mistyped, expired, deleted or of another data centre";
  return { status: 401, code: "access.token-unknown", detail: `${what}: ${why}. ${how}` };
}

/** The caller is known, and lacks `missing`. */
export function denied(what: string, caller: Caller, missing: readonly AclRule[]): Refusal {
  const hcl = hclOf(missing);
  return {
    status: 403,
    code: "access.denied",
    detail: `${what} is not permitted to ${nameOfCaller(caller)}. Add to a policy of the token: ${hcl}`,
    missing: hcl,
  };
}

/** The caller speaks for an instance that belongs to another service, or that is not known. */
export function claimRefused(instance: string, claimed: string | undefined, registered: string | undefined): Refusal {
  const truth = registered === undefined ? "and the registry has no such instance" : `but the registry says that it is of ${registered}`;
  const said = claimed === undefined ? "the request does not say of which service" : `the request says that it is of ${claimed}`;
  return { status: 403, code: "access.claim-refused", detail: `${instance}: ${said}, ${truth}` };
}

/** Consul does not decide. */
export function undecided(what: string, why: string): Refusal {
  return {
    status: 503,
    code: "access.undecided",
    detail: `${what} cannot be decided, because Consul does not say what the token may do: ${why}`,
    retryAfter: 2,
  };
}

/** The caller has made too many requests. */
export function tooMany(caller: string, seconds: number): Refusal {
  return {
    status: 429,
    code: "access.too-many",
    detail: `${caller} has made too many requests: come again in ${seconds} s. The limit is set with --rate-limit`,
    retryAfter: seconds,
  };
}

/** Rules in one line of HCL. */
export function hclOf(rules: readonly AclRule[]): string {
  return rules.map(ruleToHcl).join("  ");
}

/** A request in a few words, without its query. */
export function whatOf({ method, url }: Pick<FastifyRequest, "method" | "url">): string {
  return `${method} ${(url.split("?")[0] ?? "").slice(0, 200)}`;
}
