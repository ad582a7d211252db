/** Identity in the mesh of the proof: the policy for all of it, who may call whom, and whether every instance stands as the mode says. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Sandbox, type ServiceProcess, until } from "@legation/local";
import { LegationError } from "@legation/runtime";

/** How the mesh speaks. `off`: in plain text, without a policy. `strict`: by mutual TLS alone, and Consul's intentions are enforced. */
export const identities = ["off", "strict"] as const;
/** One of `identities`. */
export type Identity = (typeof identities)[number];

/** A call that Consul is told to allow; every other is denied. */
export interface AllowedCall {
  readonly from: string;
  readonly to: string;
}

const requestLimitMs = 10_000;
const standingLimitMs = 60_000;

/** Writes the policy of the mesh; the flags by which a control plane reads it. */
export function identityFlags(sandbox: Sandbox, identity: Identity): readonly string[] {
  if (identity === "off") return [];
  const directory = sandbox.makeDir("policies");
  writeFileSync(join(directory, "identity.yaml"), `apiVersion: legation/v1\nkind: Identity\nname: mesh\nmode: ${identity}\n`);
  return ["--policies", directory];
}

/** Writes intentions into the Consul (1.9 or later) at `consul`: these calls, and no others. Throws with code `prove.intentions` when Consul refuses. */
export async function allowOnly(consul: string, calls: readonly AllowedCall[]): Promise<void> {
  const intentions = [...calls.map((call) => ({ ...call, action: "allow" })), { from: "*", to: "*", action: "deny" }];
  for (const { from, to, action } of intentions) {
    const answer = await fetch(`${consul}/v1/connect/intentions/exact?${new URLSearchParams({ source: from, destination: to })}`, {
      method: "PUT",
      body: JSON.stringify({ SourceType: "consul", Action: action }),
      signal: AbortSignal.timeout(requestLimitMs),
    });
    if (!answer.ok)
      throw new LegationError("prove.intentions", `Consul did not take ${from} => ${to}: ${answer.status} ${await answer.text()}`);
  }
}

/** Waits until each instance refuses plain text, as its agent says and as its inbound listener shows. */
export async function untilStrict(instances: readonly ServiceProcess[]): Promise<void> {
  for (const instance of instances)
    await until(
      async (note) => {
        const { identity } = (await instance.ask<{ identity: { mode: string; tls: string } }>("GET", "/v1/status")).body;
        const plain = await plainText(instance.inbound);
        note({ ...identity, plain });
        return identity.mode === "strict" && identity.tls === "required" && plain === "closed";
      },
      { what: `${instance.id} to be strict`, limitMs: standingLimitMs },
    );
}

/** What a request without TLS gets at an inbound listener: a status, or nothing but the end of its connection. */
async function plainText(url: string): Promise<number | "closed"> {
  try {
    return (await fetch(url, { headers: { connection: "close" }, signal: AbortSignal.timeout(requestLimitMs) })).status;
  } catch {
    return "closed";
  }
}
