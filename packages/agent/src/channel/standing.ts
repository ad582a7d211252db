/** What stands between the instance and its traffic, as a control plane is told it. */
import { type ReportedStanding, reportedTextLength } from "@legation/contract";
import type { Envoy } from "../envoy/setup.js";
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
  return {
    ...(config.values.discovery ? { registered } : {}),
    ...(refused === undefined ? {} : { registrationProblem: text(refused) }),
    ...(envoy ? { envoy: standingOf(envoy) } : {}),
    ...(maintenance === undefined ? {} : { maintenance: text(maintenance) }),
    ...(withheld === undefined ? {} : { withheld: text(withheld) }),
  };
}

function standingOf({ runner, version }: Pick<Envoy, "runner" | "version">): ReportedStanding["envoy"] {
  const { phase, reason } = runner.state;
  const known = version();
  return { phase, reason: text(reason), ...(known === undefined ? {} : { version: known }) };
}

function text(words: string): string {
  return words.slice(0, reportedTextLength);
}
