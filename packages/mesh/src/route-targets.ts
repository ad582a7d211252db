/** Where rules send requests that were made to a caller's dependencies: services that it need not have declared. */
import type { Callee } from "./callee.js";
import { destinationsOf } from "./policy/route/rule.js";

/** One such service. */
export interface RouteTarget {
  readonly target: Callee;
  /** Why requests that are sent there fail, in words. */
  readonly flaws: readonly string[];
}

/** The services beside the dependencies themselves, each once. */
export function routeTargets(dependencies: readonly Callee[], calleeNamed: (name: string) => Callee): readonly RouteTarget[] {
  const seen = new Set(dependencies.map(({ name }) => name));
  return dependencies.flatMap(({ rules, targets }) =>
    targets.flatMap((name) => {
      if (seen.has(name)) return [];
      seen.add(name);
      const rule = rules.find((one) => destinationsOf(one).includes(name))?.name ?? "";
      const target = calleeNamed(name);
      return [{ target, flaws: flawsOf(target, rule) }];
    }),
  );
}

function flawsOf({ name, registered, protocol }: Callee, rule: string): readonly string[] {
  if (!registered) return [`${rule} sends requests to ${name}, which is not registered: they fail until an instance of ${name} is`];
  if (protocol !== "tcp") return [];
  return [`${rule} sends requests to ${name}, which speaks tcp: they fail. Take ${name} out of the rule`];
}
