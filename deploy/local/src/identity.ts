/** The identity of a mesh on this machine: its policy, as a file that the control planes read, and whether its instances stand as it says. */
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { IdentityMode, TlsState } from "@legation/contract";
import { until } from "@legation/sandbox";
import type { ServiceProcess } from "./service-process.js";

/** The policy for the whole mesh. */
export interface IdentityPolicy {
  readonly mode: IdentityMode;
  /** What becomes of calls that no intention allows; by default what the mode brings. */
  readonly authorization?: "enforce" | "shadow" | "off";
}

/** What an agent says of its instance's identity. */
export interface IdentityView {
  readonly mode: IdentityMode;
  readonly tls: "plain" | TlsState;
  readonly cause: string;
  /** What it waits for before it goes on; undefined when it stands as its mode says. */
  readonly waits?: string;
  /** Of its certificate. */
  readonly phase: string;
}

const reached = { off: "plain", permissive: "accepted", strict: "required" } as const satisfies Record<IdentityMode, IdentityView["tls"]>;

/** Puts a policy into force for the mesh whose control planes have `--policies directory`. */
export function writeIdentity(directory: string, { mode, authorization }: IdentityPolicy): void {
  const path = join(directory, "identity.json");
  const policy = { apiVersion: "legation/v1", kind: "Identity", name: "mesh", mode, ...(authorization ? { authorization } : {}) };
  writeFileSync(`${path}.new`, JSON.stringify(policy));
  renameSync(`${path}.new`, path);
}

/** Asks the instance's agent. */
export async function identityOf(instance: ServiceProcess): Promise<IdentityView> {
  return (await instance.ask<{ identity: IdentityView }>("GET", "/v1/status")).body.identity;
}

/** Waits until each instance stands as the mode says, and waits for nothing. Throws with the first that does not within `limitMs`; 60 s by default. */
export async function untilMode(instances: readonly ServiceProcess[], mode: IdentityMode, limitMs = 60_000): Promise<void> {
  for (const instance of instances)
    await until(
      async (note) => {
        const identity = await identityOf(instance);
        note(identity);
        return identity.mode === mode && identity.tls === reached[mode] && identity.waits === undefined;
      },
      { what: `${instance.id} to be ${mode}`, limitMs },
    );
}
