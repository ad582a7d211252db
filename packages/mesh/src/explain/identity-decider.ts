/** Which policy says how connections to a service are made, and what becomes of intentions. */
import type { DecidedBy } from "@legation/contract/api";
import { documentKey } from "../policy/document.js";
import type { ExplainedSetting } from "./settings.js";
import type { ExplainedWorld } from "./world.js";

/** Who says the mode: the service's own policy before that of the mesh. */
export function modeDecider({ identityDocuments }: Pick<ExplainedWorld, "identityDocuments">, service: string): DecidedBy {
  const own = identityDocuments.find((one) => one.service === service && one.mode !== undefined);
  const said = own ?? identityDocuments.find((one) => one.service === undefined && one.mode !== undefined);
  return said ? { source: "policy", document: documentKey(said), path: "mode" } : { source: "default" };
}

/** The mode as a setting; none where it is off, as it is without a word. */
export function identitySettings(world: ExplainedWorld, service: string): readonly ExplainedSetting[] {
  const policy = world.identity(service);
  if (!policy || policy.mode === "off") return [];
  return [{ name: "identity", value: `${policy.mode}, intentions: ${policy.authorization}`, decidedBy: modeDecider(world, service) }];
}
