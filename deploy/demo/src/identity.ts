/** The shop's identity: who may call whom, and the policy that says how much of that counts. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { type ConsulProcess, legationCommand, type Mesh, repositoryRoot } from "@legation/local";

/** What the demo can be asked for; with `off` nobody has a token, and no policy is applied. */
export const identities = ["off", "permissive", "strict"] as const;
/** One of `identities`. */
export type Identity = (typeof identities)[number];

/** Caller and callee. All else is denied by the default of Consul's ACLs. */
const allowed = [
  ["gate", "web"],
  ["web", "orders"],
  ["orders", "payments"],
] as const;

/** Writes the intentions into Consul, of any version. Returns them in words. */
export async function writeIntentions({ url, managementToken = "" }: Pick<ConsulProcess, "url" | "managementToken">): Promise<string> {
  for (const [SourceName, DestinationName] of allowed) {
    const answer = await fetch(`${url}/v1/connect/intentions`, {
      method: "POST",
      headers: { "x-consul-token": managementToken },
      body: JSON.stringify({ SourceName, DestinationName, SourceType: "consul", Action: "allow" }),
      signal: AbortSignal.timeout(10_000),
    });
    if (!answer.ok) throw new Error(`the intention ${SourceName} → ${DestinationName}: ${answer.status} ${await answer.text()}`);
  }
  return allowed.map(([from, to]) => `${from} → ${to}`).join(", ");
}

/** The modes on the way to one. */
export function wayTo(identity: Identity): readonly Exclude<Identity, "off">[] {
  if (identity === "off") return [];
  return identity === "strict" ? ["permissive", "strict"] : ["permissive"];
}

/** Applies the shipped policy of that mode, by an operator's token. Resolves to what the command said. */
export function applyPolicy(mesh: Mesh, mode: Exclude<Identity, "off">): Promise<string> {
  return legation(mesh, ["policy", "apply", "-f", join(repositoryRoot, `deploy/policies/${mode}/identity.yaml`), "--reason", "the demo"]);
}

/** Runs a `legation` command as an operator would. Resolves to its output; rejects with it when it fails. */
export async function legation({ acl, controlPlane }: Mesh, args: readonly string[]): Promise<string> {
  const tokenFile = await acl?.tokenFile("operator-write");
  const env = { ...process.env, LEGATION_API: controlPlane.api, ...(tokenFile ? { LEGATION_TOKEN_FILE: tokenFile } : {}) };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [legationCommand, ...args], { env, timeout: 60_000 }, (error, out, complaint) => {
      if (error) reject(new Error(`legation ${args.join(" ")}: ${`${complaint}${out}`.trim() || error.message}`));
      else resolve(out.trim());
    });
  });
}
