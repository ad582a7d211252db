/** What of the rules for a service cannot be carried out as things are, in words. */
import type { Protocol } from "@legation/contract";
import type { Problem } from "../../problem.js";
import type { RouteRule } from "./rule.js";

/** The flaws; the rules as they stand are compiled around them. */
export function ruleProblems(service: string, protocol: Protocol, rules: readonly RouteRule[]): readonly Problem[] {
  if (rules.length === 0) return [];
  if (protocol === "tcp") {
    const documents = [...new Set(rules.map(({ document }) => document))].join(", ");
    const message = `it speaks tcp, so that ${documents} cannot tell its requests apart and is not in force: take it back, or register it as http`;
    return [{ code: "route-tcp", service, message }];
  }
  return rules.flatMap(({ name, action }) => {
    const lost = action.kind === "forward" ? action.to.filter(({ declared }) => !declared) : [];
    return lost.map(({ service: target, subset }): Problem => {
      const message = `${name} sends requests to subset ${subset} of ${target}, which Service/${target} does not name, so that they are answered 503: add it to subsets there, or correct the rule`;
      return { code: "route-subset", service, message };
    });
  });
}
