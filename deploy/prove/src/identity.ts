/** Identity in the mesh of the proof: the policy for all of it, who may call whom, and whether plain text is refused. */
import { type Sandbox, type ServiceProcess, until, untilMode, writeIdentity } from "@legation/local";
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

const limitMs = 10_000;

/** Writes the policy of the mesh; the flags by which a control plane reads it. */
export function identityFlags(sandbox: Sandbox, identity: Identity): readonly string[] {
  if (identity === "off") return [];
  const directory = sandbox.makeDir("policies");
  writeIdentity(directory, { mode: identity });
  return ["--policies", directory];
}

/** Writes intentions into the Consul (1.9 or later) at `consul`: these calls, and no others. Throws with code `prove.intentions` when Consul refuses. */
export async function allowOnly(consul: string, calls: readonly AllowedCall[]): Promise<void> {
  const intentions = [...calls.map((call) => ({ ...call, action: "allow" })), { from: "*", to: "*", action: "deny" }];
  for (const { from, to, action } of intentions) {
    const answer = await fetch(`${consul}/v1/connect/intentions/exact?${new URLSearchParams({ source: from, destination: to })}`, {
      method: "PUT",
      body: JSON.stringify({ SourceType: "consul", Action: action }),
      signal: AbortSignal.timeout(limitMs),
    });
    if (!answer.ok)
      throw new LegationError("prove.intentions", `Consul did not take ${from} => ${to}: ${answer.status} ${await answer.text()}`);
  }
}

/** Waits until each instance refuses plain text, as its agent says and as its inbound listener shows. */
export async function untilStrict(instances: readonly ServiceProcess[]): Promise<void> {
  await untilMode(instances, "strict");
  for (const { id, inbound } of instances)
    await until(
      async (note) => {
        const answer = await plainText(inbound);
        note(answer);
        return answer === "closed";
      },
      { what: `${id} to refuse plain text`, limitMs },
    );
}

/** What a request without TLS gets at an inbound listener: a status, the end of its connection, or nothing. */
async function plainText(url: string): Promise<number | "closed" | "nothing"> {
  const signal = AbortSignal.timeout(limitMs);
  try {
    return (await fetch(url, { headers: { connection: "close" }, signal })).status;
  } catch {
    return signal.aborted ? "nothing" : "closed";
  }
}
