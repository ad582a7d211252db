/** What a token may do, as Consul itself answers: seen on 1.8.7 and 1.19.2. */
import type { Consul, ReadOptions } from "./consul.js";
import { ConsulError } from "./error.js";
import type { AclRule } from "./permission.js";

/** Rules that Consul decides on in one request; more is an error of its own. */
export const authorizationsAtOnce = 64;

/** Consul's answer about a token. `unknown`: it has no such token (any more). `disabled`: it does not use ACLs at all. */
export type Authorization = { readonly kind: "decided"; readonly allowed: readonly boolean[] } | { readonly kind: "unknown" | "disabled" };

/** The public part of a token. */
export interface TokenSelf {
  readonly AccessorID: string;
  readonly Description: string;
  /** The names of the policies and roles that stand on the token itself. */
  readonly policies: readonly string[];
  readonly roles: readonly string[];
}

interface SelfRow {
  readonly AccessorID: string;
  readonly Description: string;
  readonly Policies?: readonly { readonly Name: string }[] | null;
  readonly Roles?: readonly { readonly Name: string }[] | null;
}

/** Consul's answers about tokens. */
export interface AclApi {
  /**
   * Asks `POST /v1/internal/acl/authorize` whether `token` may do each of `rules`, `authorizationsAtOnce` at most; without a token, what
   * whoever shows none may do. A rule without a name asks about names in general, not about each. Throws ConsulError when Consul does not
   * decide.
   */
  authorize(
    token: string | undefined,
    rules: readonly AclRule[],
    options?: Pick<ReadOptions, "timeoutMs" | "signal">,
  ): Promise<Authorization>;
  /** What Consul says of a token, without its secret. Undefined when there is no such token. */
  self(token: string, options?: ReadOptions): Promise<TokenSelf | undefined>;
}

/** Makes the API over a client, which must have no token of its own: a question without a token would be about that one. */
export function createAclApi(consul: Pick<Consul, "get" | "post">): AclApi {
  return {
    async authorize(token, rules, options = {}) {
      const body = rules.map(({ resource, access, name }) => ({ Resource: resource, Access: access, Segment: name ?? "" }));
      try {
        const rows = await consul.post<readonly { readonly Allow: boolean }[]>("/internal/acl/authorize", body, {
          ...options,
          ...(token ? { token } : {}),
        });
        if (rows.length !== rules.length)
          throw new ConsulError("consul.bad-answer", `Consul decided on ${rows.length} rules where ${rules.length} were asked`);
        return { kind: "decided", allowed: rows.map(({ Allow }) => Allow) };
      } catch (error) {
        if (isUnknownToken(error)) return { kind: "unknown" };
        if (error instanceof ConsulError && /ACL support disabled/i.test(error.message)) return { kind: "disabled" };
        throw error;
      }
    },
    async self(token, options) {
      try {
        const { AccessorID, Description, Policies, Roles } = (await consul.get<SelfRow>("/acl/token/self", { ...options, token })).data;
        const named = (rows: SelfRow["Policies"]) => (rows ?? []).map(({ Name }) => Name);
        return { AccessorID, Description, policies: named(Policies), roles: named(Roles) };
      } catch (error) {
        if (isUnknownToken(error)) return undefined;
        throw error;
      }
    },
  };
}

function isUnknownToken(error: unknown): boolean {
  return error instanceof ConsulError && error.code === "consul.forbidden" && /ACL not found/i.test(error.message);
}
