/** What of the rules for a service cannot be carried out as things are, in words. */
import type { Protocol } from "@legation/contract";
import type { Problem } from "../../problem.js";
import type { TrafficSettings } from "../traffic/settings.js";
import type { RouteRule } from "./rule.js";
import { isTcpSplit } from "./tcp-split.js";

/** The flaws, around which everything else is compiled. */
export function ruleProblems(
  service: string,
  protocol: Protocol,
  { rules, settings }: { readonly rules: readonly RouteRule[]; readonly settings: TrafficSettings },
): readonly Problem[] {
  const ignored = protocol === "tcp" ? rules.filter((rule) => !isTcpSplit(rule, settings)) : [];
  const said = ignored.map(({ name }): Problem => {
    const message = `it speaks tcp, whose connections nothing tells apart, so that ${name} is not in force: write nothing but \`to\` there, or register it as http`;
    return { code: "route-tcp", service, message };
  });
  const lost = rules.flatMap(({ name, action }) => {
    const undeclared = action.kind === "forward" ? action.to.filter(({ declared }) => !declared) : [];
    return undeclared.map(({ service: target, subset }): Problem => {
      const message = `${name} sends requests to subset ${subset} of ${target}, which Service/${target} does not name, so that they are answered 503: add it to subsets there, or correct the rule`;
      return { code: "route-subset", service, message };
    });
  });
  return [...said, ...lost];
}
