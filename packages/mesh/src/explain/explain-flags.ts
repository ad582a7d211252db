/** What response flags, or a line of an access log with them, mean in this mesh now. */
import type { AccessLine, ExplainedFlag, FlagExplanation } from "@legation/contract/api";
import { serviceNamed } from "./address.js";
import { addressText, causesHere, type FlagScope, standingOf } from "./here.js";
import { responseFlags } from "./response-flags.js";

/** The flags; `line` is what they come from, where they come from one. Flags that nobody knows are left out. */
export function explainFlags(
  scope: FlagScope,
  flags: readonly string[],
  line?: AccessLine,
): Omit<FlagExplanation, "explanation" | "silent"> {
  const named = line && serviceOf(line);
  const services =
    named === undefined ? scope.services : [scope.services.find(({ name }) => name === named) ?? { name: named, instances: [] }];
  const within = { ...scope, services };
  const explained = [...new Set(flags)].flatMap((flag): ExplainedFlag[] => {
    const known = responseFlags.get(flag);
    return known ? [{ ...known, here: [...causesHere(flag, within)] }] : [];
  });
  return { ...(line ? { line } : {}), flags: explained, findings: line ? [...findings(scope, line)] : [] };
}

/** The service that the line is about. */
export function serviceOf({ cluster, host }: AccessLine): string | undefined {
  if (cluster !== undefined && /^[A-Za-z0-9-]+$/.test(cluster)) return cluster;
  return host === undefined ? undefined : serviceNamed(host);
}

function findings(scope: FlagScope, line: AccessLine): readonly string[] {
  const { upstream, route, details = "", status, flags } = line;
  const rule = /rbac_access_denied_matched_policy\[([^\]]+)\]/.exec(details)?.[1];
  return [
    ...(upstream === undefined ? [] : [atAddress(scope, upstream)]),
    ...(route === undefined ? [] : [`the route ${route} took it`]),
    ...(rule === undefined ? [] : [`refused by the rule ${rule} of Consul's intentions: see legation intentions check`]),
    ...(flags.length === 0 && status !== undefined && upstream !== undefined && status >= 500
      ? [`no flag: the status ${status} is the answer of the application itself, so look there`]
      : []),
    ...(flags.length === 0 && details === "direct_response" ? ["no flag: a route answered by itself"] : []),
    ...(details !== "" && rule === undefined ? [`Envoy's details: ${details}`] : []),
  ];
}

function atAddress(scope: FlagScope, upstream: string): string {
  for (const service of scope.services)
    for (const instance of service.instances)
      if (addressText(instance) === upstream) return `tried last: ${standingOf(scope, service, instance)}`;
  return `tried last: ${upstream}, where no instance is registered that you may read: it left, or has moved`;
}
