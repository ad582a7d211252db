/** What stands between the instance and its traffic, as a control plane is told it. */
import { type ReportedStanding, reportedTextLength } from "@legation/contract";
import type { Instance } from "../instance.js";

/** Reads it from the instance's parts. */
export function reportedStanding({
  config,
  registrar,
  envoy,
  migration,
  stateDir,
}: Pick<Instance, "config" | "registrar" | "envoy" | "migration" | "stateDir">): ReportedStanding {
  const { registered = false, duplicate, problem } = registrar?.state ?? {};
  const refused = duplicate ?? problem;
  const { maintenance } = stateDir.kept;
  const withheld = migration?.withheld;
  const text = (words: string): string => words.slice(0, reportedTextLength);
  return {
    ...(config.values.discovery ? { registered } : {}),
    ...(refused === undefined ? {} : { registrationProblem: text(refused) }),
    ...(envoy ? { envoy: { phase: envoy.runner.state.phase, reason: text(envoy.runner.state.reason) } } : {}),
    ...(maintenance === undefined ? {} : { maintenance: text(maintenance) }),
    ...(withheld === undefined ? {} : { withheld: text(withheld) }),
  };
}
