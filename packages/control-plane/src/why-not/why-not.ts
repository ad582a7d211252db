/** Why an instance gets no traffic: what is known of it here and at the other control planes, gate by gate. */
import { instanceKey } from "@legation/contract";
import type { WhyNotAnswer } from "@legation/contract/api";
import { decide, defaultNamespace, destinationsOf, metaOf, trafficTo } from "@legation/mesh";
import type { Breakers } from "../figures/breakers.js";
import { closedBreaker } from "../figures/breakers.js";
import type { Reconciler } from "../reconcile/reconciler.js";
import type { Gather } from "../replicas/gather.js";
import type { InstanceStatus } from "../status/instance-status.js";
import type { MeshStatus } from "../status/mesh-status.js";
import { type GateFacts, gatesOf } from "./gates.js";
import { factsPath, type LocalFacts } from "./local-facts.js";

/** What it is worked out from. */
export interface WhyNotParts {
  readonly reconciler: Pick<Reconciler, "service" | "traffic" | "intentions" | "identity">;
  readonly breakers: Pick<Breakers, "of">;
  readonly local: (instance: { readonly node: string; readonly id: string; readonly service: string }) => LocalFacts;
  readonly gather: Gather;
  /** Why this control plane's registry is old; undefined while Consul answers. */
  readonly stale: () => string | undefined;
}

/** Answers for one instance; `mesh` is how all stand. */
export type WhyNot = (status: InstanceStatus, mesh: MeshStatus) => Promise<WhyNotAnswer>;

/** Makes the function. */
export function createWhyNot(o: WhyNotParts): WhyNot {
  return async (status, mesh) => {
    const { node, id, service } = status;
    const named = { node, id, service };
    const { answers, silent } = await o.gather({ path: factsPath, body: () => ({ relayed: true, ...named }), read: factsOf });
    const all = [o.local(named), ...answers.map(({ value }) => value)];
    const gates = gatesOf(status, {
      ...policyFacts(o, service),
      ...callerFacts(o, service, mesh),
      stale: o.stale(),
      refused: all.flatMap(({ refusal }) => refusal ?? []).sort((a, b) => (a.at < b.at ? 1 : -1))[0],
      subscribers: all.reduce((sum, { subscribers }) => sum + subscribers, 0),
      behind: all.flatMap(({ behind }) => behind),
      held: [...new Set(all.flatMap(({ held }) => held))],
      breaker: breakerOf(o, status),
    });
    const shut = gates.find((gate) => gate.open === false);
    const key = instanceKey(node, id);
    return {
      instance: key,
      service,
      getsTraffic: shut === undefined,
      shut: shut?.gate ?? null,
      text: shut ? `${key} gets no traffic: ${shut.what}. ${shut.fix ?? ""}`.trim() : textOf(key, gates),
      gates,
      silent,
    };
  };
}

function textOf(key: string, gates: WhyNotAnswer["gates"]): string {
  const doubtful = gates.filter((gate) => gate.open === null);
  if (doubtful.length === 0) return `${key} gets traffic: every gate is open`;
  return `${key} may get traffic: no gate is shut, but ${doubtful.map(({ what }) => what).join("; ")}`;
}

function policyFacts({ reconciler }: WhyNotParts, name: string): Pick<GateFacts, "rules" | "leadingHere" | "subsets"> {
  const policies = reconciler.traffic();
  const trafficOf = (service: string) => trafficTo(reconciler.service(service) ?? { name: service, instances: [] }, policies);
  const { rules, subsets } = trafficOf(name);
  const others = [...policies.routes.keys()].filter((service) => service !== name);
  const leadingHere = others.flatMap((service) => trafficOf(service).rules.filter((rule) => destinationsOf(rule).includes(name)));
  return { rules, subsets, leadingHere };
}

function callerFacts({ reconciler }: WhyNotParts, name: string, mesh: MeshStatus): Pick<GateFacts, "callers" | "denied"> {
  const callers = [...mesh.services.values()]
    .filter(({ instances }) => instances.some(({ instance }) => instance && metaOf(instance).dependencies.some((d) => d.name === name)))
    .map((service) => service.name);
  const known = reconciler.intentions();
  if (reconciler.identity(name)?.authorization !== "enforce" || !known?.byDefault) return { callers, denied: [] };
  const { intentions, byDefault } = known;
  const of = (service: string) => ({ namespace: defaultNamespace, name: service });
  const denied = callers.flatMap((caller) => {
    const { verdict, reason } = decide(intentions, byDefault, { from: of(caller), to: of(name) });
    return verdict === "deny" ? [{ caller, reason }] : [];
  });
  return { callers, denied };
}

function breakerOf({ reconciler, breakers }: WhyNotParts, { node, id, service }: InstanceStatus): GateFacts["breaker"] {
  const found = reconciler.service(service);
  return (found && breakers.of(found).instances.get(instanceKey(node, id))) ?? closedBreaker;
}

function factsOf(answer: unknown): LocalFacts {
  const { subscribers, behind, held, refusal } = (answer ?? {}) as Partial<LocalFacts>;
  if (typeof subscribers !== "number" || !Array.isArray(behind) || !Array.isArray(held)) throw new Error("answered with something else");
  return { subscribers, behind: behind as string[], held: held as string[], refusal: refusal ?? null };
}
