/** Where rules send requests that were made to a caller's dependencies: services that it need not have declared. */
import type { Protocol } from "@legation/contract";
import type { Callee } from "./callee.js";
import { destinationsOf } from "./policy/route/rule.js";

/** The services beside the dependencies themselves, each once, and in words why requests that rules send somewhere fail. */
export interface RouteTargets {
  readonly targets: readonly Callee[];
  readonly flaws: readonly string[];
}

/** Where the rules of the dependencies lead. */
export function routeTargets(dependencies: readonly Callee[], calleeNamed: (name: string) => Callee): RouteTargets {
  const known = new Map(dependencies.map((callee) => [callee.name, callee]));
  const targets = new Map<string, Callee>();
  const flaws = dependencies.flatMap((from) =>
    from.targets.flatMap((name) => {
      const target = known.get(name) ?? targets.get(name) ?? calleeNamed(name);
      const isNew = !known.has(name) && !targets.has(name);
      if (isNew) targets.set(name, target);
      const rule = from.rules.find((one) => destinationsOf(one).includes(name))?.name ?? "";
      return flawsOf(target, rule, isNew, from.protocol);
    }),
  );
  return { targets: [...targets.values()], flaws };
}

function flawsOf({ name, registered, protocol }: Callee, rule: string, isNew: boolean, from: Protocol): readonly string[] {
  if (!registered)
    return isNew ? [`${rule} sends requests to ${name}, which is not registered: they fail until an instance of ${name} is`] : [];
  if (from === "grpc" && protocol === "http")
    return [
      `${rule} sends gRPC calls to ${name}, which speaks http, and gRPC needs HTTP/2: they fail. Take ${name} out of the rule, or register it as grpc`,
    ];
  const tcp = from === "tcp";
  if ((protocol === "tcp") === tcp) return [];
  const flaw = tcp ? `connections to ${name}, which speaks ${protocol} and not tcp` : `requests to ${name}, which speaks tcp`;
  return [`${rule} sends ${flaw}: they fail. Take ${name} out of the rule`];
}
