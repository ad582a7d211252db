/** How strictly each service is identified, from what operators say for the mesh and for single services (DESIGN §5, `Identity`). */
import type { IdentityMode } from "@legation/contract";

/** What becomes of a call that intentions deny: refused, counted only, or not looked at. */
export const authorizationModes = ["enforce", "shadow", "off"] as const;
/** One of `authorizationModes`. */
export type AuthorizationMode = (typeof authorizationModes)[number];

/** What an `Identity` policy says, for the mesh or for one service. What it leaves out is said by the next wider one. */
export interface IdentityPolicy {
  readonly mode?: IdentityMode;
  readonly authorization?: AuthorizationMode;
}

/** All `Identity` policies that are live. */
export interface IdentityPolicies {
  readonly mesh: IdentityPolicy;
  /** By the service's name in Consul. */
  readonly services: ReadonlyMap<string, IdentityPolicy>;
}

/** What holds for one service. */
export interface ServiceIdentityPolicy {
  readonly mode: IdentityMode;
  readonly authorization: AuthorizationMode;
}

/** No policy at all: every service is `off`. */
export const noIdentityPolicies: IdentityPolicies = { mesh: {}, services: new Map() };

const authorizationOf: Readonly<Record<IdentityMode, AuthorizationMode>> = { off: "off", permissive: "shadow", strict: "enforce" };

/**
 * What holds for a service: of each field the word of its own policy, else that of the mesh. Without any the mode is `off`, and the
 * authorization follows the mode: strict enforces, permissive shadows.
 */
export function identityOf({ mesh, services }: IdentityPolicies, service: string): ServiceIdentityPolicy {
  const own = services.get(service);
  const mode = own?.mode ?? mesh.mode ?? "off";
  return { mode, authorization: own?.authorization ?? mesh.authorization ?? authorizationOf[mode] };
}

/** The services among `known` for which something else holds under `after` than under `before`. */
export function identityChanges(before: IdentityPolicies, after: IdentityPolicies, known: Iterable<string>): ReadonlySet<string> {
  const changed = new Set<string>();
  for (const service of known) {
    const [old, now] = [identityOf(before, service), identityOf(after, service)];
    if (old.mode !== now.mode || old.authorization !== now.authorization) changed.add(service);
  }
  return changed;
}
