/** What this instance's Envoy holds, for a control plane that compares it with what it has sent. */
import type { EnvoyConfig } from "@legation/contract";
import { LegationError, messageOf } from "@legation/runtime";
import type { Instance } from "../instance.js";
import { readEnvoyConfig } from "./config-dump.js";
import { versionIn } from "./version.js";

/** Asks Envoy. Throws LegationError "envoy.none" where the instance runs without one, and "envoy.silent" when its admin port does not answer. */
export async function envoyConfigOf({ envoy, addresses }: Pick<Instance, "envoy" | "addresses">): Promise<EnvoyConfig> {
  if (!envoy) throw new LegationError("envoy.none", "this instance runs without an Envoy (envoy.enabled)");
  const { phase, reason } = envoy.runner.state;
  if (phase === "down") throw new LegationError("envoy.none", `no Envoy runs: ${reason}`);
  try {
    // First what is answered at once: an Envoy that hangs is soon told from one that has much to write.
    const version = versionIn(await envoy.admin.identity()) ?? "";
    const found = await readEnvoyConfig(envoy.admin.dump);
    return { envoy: version, parent: envoy.runner.hasParent, ...found };
  } catch (error) {
    throw new LegationError("envoy.silent", `Envoy does not answer its admin port at ${addresses.envoyAdmin}: ${messageOf(error)}`);
  }
}
