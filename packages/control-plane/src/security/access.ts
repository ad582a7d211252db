/** What the caller of one request may do: asked by the guard before the route runs, and by routes whose answers are filtered. */
import type { AclRule } from "@legation/consul";
import type { Author } from "@legation/mesh/policy";
import { messageOf } from "@legation/runtime";
import type { Caller } from "./caller.js";
import type { Decisions, Verdict } from "./decisions.js";
import { writeAllPolicies } from "./right.js";

/** What a route may ask about its caller. */
export interface Access {
  readonly caller: Caller;
  /** Those of the services that the caller may read. Throws AccessUndecided when Consul does not say. */
  readable(services: Iterable<string>): Promise<ReadonlySet<string>>;
  /** Whether the caller may do that; for reading only. False also when Consul does not say. */
  mayRead(rule: AclRule): Promise<boolean>;
  /** Resolves when the caller has all of these rules. Throws AccessDenied, and AccessUndecided when Consul does not say it now. */
  demand(rules: readonly AclRule[]): Promise<void>;
  /**
   * The caller as the author of policies; undefined for one whom no bound holds: who may write all policies, and everyone where Consul uses
   * no ACLs. Throws AccessUndecided when Consul does not say it now.
   */
  author(): Promise<Author | undefined>;
  /** Adds to the entry that the audit keeps of this request: a few words, never a secret. */
  tell(detail: Readonly<Record<string, string | number>>): void;
}

declare module "fastify" {
  interface FastifyRequest {
    access: Access;
  }
}

/** Thrown where Consul must be asked and does not answer. */
export class AccessUndecided extends Error {
  override readonly name = "AccessUndecided";
}

/** Thrown where the caller lacks rules that only the route itself could name. */
export class AccessDenied extends Error {
  override readonly name = "AccessDenied";

  constructor(readonly missing: readonly AclRule[]) {
    super("the caller lacks a right");
  }
}

/** What is told of one request; read by the audit. */
export interface Told {
  detail: Readonly<Record<string, string | number>>;
}

/** Access without limits, where Consul uses no ACLs. */
export function openAccess(caller: Caller, told: Told): Access {
  return {
    caller,
    readable: async (services) => new Set(services),
    mayRead: async () => true,
    demand: async () => undefined,
    author: async () => undefined,
    tell: (detail) => add(told, detail),
  };
}

/** Access of a caller that may read nothing but what is open to everybody. */
export function noAccess(caller: Caller, told: Told): Access {
  return {
    caller,
    readable: async () => new Set(),
    mayRead: async () => false,
    demand: async (rules) => {
      throw new AccessDenied(rules);
    },
    author: async () => nobody,
    tell: (detail) => add(told, detail),
  };
}

/** Access by a token, or by what Consul lets those do who show none. */
export function tokenAccess(caller: Caller, token: string | undefined, decisions: Decisions, told: Told): Access {
  const ask = (rules: readonly AclRule[]): Promise<Verdict> => decisions.decide(token, rules, true);
  return {
    caller,
    async readable(services) {
      const names = [...new Set(services)];
      const verdict = await ask(names.map((name) => ({ resource: "service", name, access: "read" })));
      if (verdict.kind === "undecided") throw new AccessUndecided(verdict.why);
      if (verdict.kind === "disabled") return new Set(names);
      return new Set(verdict.kind === "decided" ? names.filter((_, i) => verdict.allowed[i]) : []);
    },
    async mayRead(rule) {
      const verdict = await ask([rule]);
      return verdict.kind === "disabled" || (verdict.kind === "decided" && verdict.allowed[0] === true);
    },
    async demand(rules) {
      const verdict = await decisions.decide(token, rules, false);
      if (verdict.kind === "undecided") throw new AccessUndecided(verdict.why);
      if (verdict.kind === "disabled") return;
      const missing = verdict.kind === "decided" ? rules.filter((_, i) => !verdict.allowed[i]) : rules;
      if (missing.length > 0) throw new AccessDenied(missing.slice(0, rulesNamed));
    },
    async author() {
      const verdict = await decisions.decide(token, [writeAllPolicies], false);
      if (verdict.kind === "undecided") throw new AccessUndecided(verdict.why);
      if (verdict.kind === "disabled" || (verdict.kind === "decided" && verdict.allowed[0])) return undefined;
      if (token === undefined) return nobody;
      const self = await decisions.self(token).catch((error: unknown) => {
        throw new AccessUndecided(messageOf(error));
      });
      return self ? { accessor: self.AccessorID, policies: self.policies, roles: self.roles } : nobody;
    },
    tell: (detail) => add(told, detail),
  };
}

/** Whom no list of names means. */
const nobody: Author = { policies: [], roles: [] };

/** Missing rules that a refusal names at most. */
const rulesNamed = 20;

function add(told: Told, detail: Readonly<Record<string, string | number>>): void {
  told.detail = { ...told.detail, ...detail };
}
