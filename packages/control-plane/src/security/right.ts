/** What each route of the API asks of its caller: stated in the route's `config.right`, decided in one place (`guard.ts`). */
import type { AclRule } from "@legation/consul";
import type { FastifyInstance, FastifyRequest } from "fastify";

/** The instance for which an agent says that it speaks. */
export interface AgentClaim {
  readonly node: string;
  readonly id: string;
  /** Undefined when the request does not say it, as agents without a token may do: then the registry does. */
  readonly service: string | undefined;
  /** Another control plane passes the notice on. */
  readonly relayed: boolean;
}

/**
 * A right. `open`: everybody has it. `listing`: whoever is known has it, and the answer holds only what the caller may read
 * (`request.access.readable`). `rules`: the caller's ACL token must have all of these rules of Consul's; `change` is true for what is not
 * merely reading, and with `replicas` another control plane may by its certificate alone. `agent`: the caller is the agent of that instance: it has the service's certificate, or `service:write` on it.
 */
export type Right = {
  /** The same in words, for the documentation of the API. */
  readonly needs: string;
} & (
  | { readonly kind: "open" }
  | { readonly kind: "listing" }
  | {
      readonly kind: "rules";
      readonly change: boolean;
      readonly rules: (request: FastifyRequest) => readonly AclRule[];
      readonly replicas?: true;
    }
  | {
      readonly kind: "agent";
      readonly change: (request: FastifyRequest) => boolean;
      readonly claim: (request: FastifyRequest) => AgentClaim;
    }
);

declare module "fastify" {
  interface FastifyContextConfig {
    /** Every route states it; a route without one is refused when it is added. */
    readonly right?: Right;
  }
}

/** The rule for what concerns the mesh as a whole: metrics, audit, security events. A key rule, so that it opens nothing else in Consul. */
export const meshRead: AclRule = { resource: "key", name: "legation/mesh", access: "read" };

/** Everybody may. */
export const open: Right = { kind: "open", needs: "none" };
/** The answer is filtered to what the caller may read. */
export const listing: Right = { kind: "listing", needs: "none; the answer holds only what the caller may read" };
/** Reads what concerns the whole mesh. */
export const readMesh: Right = { kind: "rules", needs: "`key:read` on `legation/mesh`", change: false, rules: () => [meshRead] };

/** `service:read` on the service that stands in the path as `:name`. */
export const readNamedService: Right = {
  kind: "rules",
  needs: "`service:read` on the service",
  change: false,
  rules: (request) => [{ resource: "service", name: nameIn(request), access: "read" }],
};

/** `service:write` on the service that stands in the path as `:name`. */
export const writeNamedService: Right = {
  kind: "rules",
  needs: "`service:write` on the service",
  change: true,
  rules: (request) => [{ resource: "service", name: nameIn(request), access: "write" }],
};

/** The rule to set or remove one policy; with the name "" one that is for the whole mesh. */
export function policyWrite(kind: string, name: string): AclRule {
  return { resource: "key", name: `legation/policies/${kind}/${name}`, access: "write" };
}

/** The rules to set, change or remove a document: of its name, and of the service that it is for. */
export function policyRules({ kind, name, service = "" }: { readonly kind: string; readonly name: string; readonly service?: string }) {
  return service === name ? [policyWrite(kind, name)] : [policyWrite(kind, name), policyWrite(kind, service)];
}

/** The rules for all policies together. */
const policyPrefix = "legation/policies/";
const readAllPolicies: AclRule = { resource: "key", name: policyPrefix, access: "read" };
/** Changes any policy, and stands above the `allow` of `Access` policies. */
export const writeAllPolicies: AclRule = { resource: "key", name: policyPrefix, access: "write" };

/** Reads policies, their history, and what waits for signatures. */
export const readPolicies = {
  kind: "rules",
  needs: "`key:read` on `legation/policies/`",
  change: false,
  rules: () => [readAllPolicies],
} as const satisfies Right;
/** The same, for what control planes ask each other as well. */
export const readPoliciesAsReplica: Right = {
  ...readPolicies,
  needs: `${readPolicies.needs}, or the certificate of a control plane`,
  replicas: true,
};
/** Adds to what waits for signatures, or makes it live: those who wrote it had the right, and the signatures are the rest. */
export const approvePolicies: Right = { kind: "rules", needs: readPolicies.needs, change: true, rules: () => [readAllPolicies] };
/** Replaces all policies at once. */
export const replacePolicies: Right = {
  kind: "rules",
  needs: "`key:write` on `legation/policies/`",
  change: true,
  rules: () => [writeAllPolicies],
};
/**
 * Sets and removes the policies that the body names; all of them when it cannot be told which. To set one takes the right to its name and to
 * the service that it is for, so that nobody reaches another service, or the whole mesh, by a name of his own. The route demands the same
 * rights to what is in force and would be changed.
 */
export const writeNamedPolicies: Right = {
  kind: "rules",
  needs:
    "`key:write` on `legation/policies/KIND/NAME` of each document, and on `legation/policies/KIND/SERVICE` for the service that it is for (nothing behind the last `/` for the whole mesh)",
  change: true,
  rules({ body }) {
    const { documents = [], remove = [], replace = false } = body as PolicyBody;
    if (replace) return [writeAllPolicies];
    const named = documents.flatMap((document) => {
      const {
        kind,
        name,
        service = "",
      } = (document ?? {}) as { readonly kind?: unknown; readonly name?: unknown; readonly service?: unknown };
      if (!isWord(kind) || !isWord(name) || !isWord(service)) return [writeAllPolicies];
      // A Service policy is for the service that it is named after.
      return policyRules({ kind, name, service: kind === "Service" ? name : service });
    });
    const removed = remove.map((key): AclRule => ({ resource: "key", name: `${policyPrefix}${key}`, access: "write" }));
    return named.length + removed.length > 0 ? [...named, ...removed] : [readAllPolicies];
  },
};

/** Sets or removes the policy that stands in the path as `:kind` and `:name`; a body says for which service. The route demands the same rights to what is in force. */
export const writePolicyInPath: Right = {
  kind: "rules",
  needs: writeNamedPolicies.needs,
  change: true,
  rules({ params, body }) {
    const { kind, name } = params as { readonly kind: string; readonly name: string };
    const { service = "" } = (body ?? {}) as { readonly service?: unknown };
    if (!isWord(kind) || !isWord(name) || !isWord(service)) return [writeAllPolicies];
    if (body === undefined || body === null) return [policyWrite(kind, name)];
    return policyRules({ kind, name, service: kind === "Service" ? name : service });
  },
};

interface PolicyBody {
  readonly documents?: readonly unknown[];
  readonly remove?: readonly string[];
  readonly replace?: boolean;
}

/** What can be a name in a policy; nothing longer is asked about, or kept. */
function isWord(value: unknown): value is string {
  return typeof value === "string" && value.length <= 128;
}

/** Makes every later `app.route` without a right throw, so that no path can be served unguarded by oversight. */
export function demandRights(app: FastifyInstance): void {
  app.addHook("onRoute", ({ config, method, url }) => {
    if (!config?.right) throw new Error(`${String(method)} ${url} states no right: give the route config.right (security/right.ts)`);
  });
}

function nameIn(request: FastifyRequest): string {
  return (request.params as { readonly name: string }).name;
}
