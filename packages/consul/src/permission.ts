/** Which ACL rule a refused request lacks, in words that an operator can paste into a policy. */

/** One rule: a resource, what it is named (undefined: any), and what is wanted of it. */
export interface AclRule {
  readonly resource: string;
  readonly name?: string;
  readonly access: "read" | "write" | "list";
}

/** What is known of a refused request: its method, and its path below `/v1`. */
interface Refused {
  readonly method: string;
  readonly path: string;
}

/** Writes a rule as a line of HCL for `consul acl policy create -rules`. */
export function ruleToHcl({ resource, name, access }: AclRule): string {
  if (["operator", "acl", "keyring", "mesh", "peering"].includes(resource)) return `${resource} = "${access}"`;
  if (resource === "intention") return `service${name ? "" : "_prefix"} "${name ?? ""}" { policy = "read"  intentions = "${access}" }`;
  return name ? `${resource} "${name}" { policy = "${access}" }` : `${resource}_prefix "" { policy = "${access}" }`;
}

/**
 * Says what to do about a 403. Consul 1.11 and later name the rule (`lacks permission 'service:write' on "web"`), 1.8 does so
 * sometimes (`Missing service:write on web`); where its text is a bare "Permission denied", the path tells it.
 */
export function missingRule(refused: Refused, said: string): string {
  if (/ACL not found/i.test(said))
    return "Consul does not know this token: it is mistyped, expired or of another data centre. Set CONSUL_HTTP_TOKEN to one that `consul acl token list` shows.";
  const rules = namedRule(said) ?? impliedRules(refused);
  const anonymous = /anonymous token/i.test(said) ? "No token was sent: set CONSUL_HTTP_TOKEN. " : "";
  const named = rules.map((rule) => `${rule.resource}:${rule.access}${rule.name ? ` on "${rule.name}"` : ""}`).join(" and ");
  const hcl = rules.map(ruleToHcl).join("  ");
  return `${anonymous}The token lacks ${named}. Add to its policy: ${hcl}`;
}

function namedRule(said: string): AclRule[] | undefined {
  const long = /lacks permission '(\w+):(\w+)'(?: on "([^"]*)")?/.exec(said);
  const terse = /Missing (\w+):(\w+)(?: on (\S+))?/.exec(said);
  const [, resource, access, name] = long ?? terse ?? [];
  if (!resource || (access !== "read" && access !== "write" && access !== "list")) return undefined;
  return [{ resource, access, ...(name ? { name } : {}) }];
}

function impliedRules({ method, path }: Refused): AclRule[] {
  const access = method === "GET" ? "read" : "write";
  const tail = decodeURIComponent(path.replace(/^\/[^/]+\/?/, ""));
  const last = decodeURIComponent(path.split("/").at(-1) ?? "");
  if (path.startsWith("/kv")) return [{ resource: "key", access, ...(tail ? { name: tail } : {}) }];
  if (path.startsWith("/session")) return [{ resource: "session", access }];
  if (path.startsWith("/event")) return [{ resource: "event", access }];
  if (path.startsWith("/acl")) return [{ resource: "acl", access }];
  if (path.startsWith("/operator") || path.startsWith("/connect/ca")) return [{ resource: "operator", access }];
  if (path.startsWith("/connect/intentions")) return [{ resource: "intention", access }];
  if (path.startsWith("/agent/connect/ca/leaf/")) return [{ resource: "service", name: last, access: "write" }];
  if (/^\/agent\/(services?|checks?)(\/|$)/.test(path)) return [{ resource: "service", access }];
  if (path.startsWith("/agent")) return [{ resource: "agent", access }];
  return [
    { resource: "service", access },
    { resource: "node", access },
  ];
}
