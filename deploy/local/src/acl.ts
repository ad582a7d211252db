/** The ACL tokens of a mesh on this machine: for each part one with the policy that `deploy/acl` ships for it, and nothing more. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ConsulProcess, repositoryRoot, type Sandbox } from "@legation/sandbox";

/** The policies that are shipped; an agent's is made for one service. */
export const aclPolicies = ["agent", "control-plane", "operator-read", "operator-write", "prometheus"] as const;
/** One of `aclPolicies`. */
export type AclPolicy = (typeof aclPolicies)[number];

/** The tokens of one Consul. */
export interface Acl {
  /** May do everything. */
  readonly management: string;
  /** A token with a shipped policy, made once; `service` is whose agent it is for. */
  token(policy: AclPolicy, service?: string): Promise<string>;
  /** The path of a file with that token (0600). */
  tokenFile(policy: AclPolicy, service?: string): Promise<string>;
  /** A new token with the rules given, as HCL. */
  custom(name: string, rules: string): Promise<string>;
  /** Takes a token back. */
  revoke(token: string): Promise<void>;
}

/** The rules of a shipped policy as HCL, with `service` in the place of the name that is to be replaced. */
export function aclRules(policy: AclPolicy, service?: string): string {
  const text = readFileSync(join(repositoryRoot, "deploy/acl", `${policy}.hcl`), "utf8");
  if (policy === "agent" && service === undefined) throw new Error("the policy of an agent is for one service: name it");
  return text.replaceAll("SERVICE", service ?? "");
}

/** Makes the tokens as they are asked for; undefined for a Consul without ACLs. */
export async function startAcl(sandbox: Sandbox, consul: Pick<ConsulProcess, "url" | "managementToken">): Promise<Acl | undefined> {
  const { managementToken: management } = consul;
  if (management === undefined) return undefined;
  const made = new Map<string, Promise<string>>();
  const dir = sandbox.makeDir("tokens");

  async function put<T>(path: string, body: object): Promise<T> {
    const answer = await fetch(`${consul.url}/v1/acl/${path}`, {
      method: "PUT",
      headers: { "x-consul-token": management ?? "" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    });
    if (!answer.ok) throw new Error(`PUT /v1/acl/${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  async function custom(name: string, rules: string): Promise<string> {
    const { ID } = await put<{ ID: string }>("policy", { Name: name, Rules: rules });
    return (await put<{ SecretID: string }>("token", { Description: name, Policies: [{ ID }] })).SecretID;
  }

  const token = (policy: AclPolicy, service?: string): Promise<string> => {
    const name = service === undefined ? `legation-${policy}` : `legation-${policy}-${service}`;
    const found = made.get(name) ?? custom(name, aclRules(policy, service));
    made.set(name, found);
    return found;
  };

  return {
    management,
    token,
    async tokenFile(policy, service) {
      const path = join(dir, [policy, service].filter(Boolean).join("-"));
      writeFileSync(path, `${await token(policy, service)}\n`, { mode: 0o600 });
      return path;
    },
    custom,
    async revoke(secret) {
      const self = await fetch(`${consul.url}/v1/acl/token/self`, { headers: { "x-consul-token": secret } });
      const { AccessorID } = (await self.json()) as { AccessorID: string };
      const answer = await fetch(`${consul.url}/v1/acl/token/${AccessorID}`, {
        method: "DELETE",
        headers: { "x-consul-token": management },
      });
      if (!answer.ok) throw new Error(`the token ${AccessorID} cannot be deleted: ${answer.status}`);
    },
  };
}
