/** Names in policies that lead nowhere now. */
import type { CatalogService } from "../../catalog/instance.js";
import type { PolicySet } from "../policy-set.js";
import { subsetProblems } from "../traffic/subsets/subsets.js";
import { type Finding, finding } from "./finding.js";

/** Services that are not registered, and subsets that no instance belongs to. */
export function referenceFindings(policies: PolicySet, registry: ReadonlyMap<string, CatalogService>): readonly Finding[] {
  const isKnown = (name: string) => (registry.get(name)?.instances.length ?? 0) > 0;
  const unknown = (name: string) =>
    `${name} is not registered, so that this does nothing until it is. Correct the name if it is another service's`;
  return [
    ...policies.of("Service").flatMap((document): readonly Finding[] => {
      const { kind, name, subsets = {} } = document;
      const service = registry.get(name);
      if (!service || !isKnown(name)) return [finding("service-unknown", { kind, name, path: ["name"] }, unknown(name))];
      return Object.keys(subsets).flatMap((subset) => {
        const [problem] = subsetProblems(service, { [subset]: subsets[subset] ?? {} });
        return problem ? [finding("subset-empty", { kind, name, path: ["subsets", subset] }, problem.message)] : [];
      });
    }),
    ...policies.of("Route").flatMap((document): readonly Finding[] => {
      const { kind, name, service, rules } = document;
      const leading = rules.flatMap(({ to = [] }, i) =>
        to.flatMap((one, j) =>
          one.service === undefined || isKnown(one.service) ? [] : [{ one, path: ["rules", i, "to", j, "service"] }],
        ),
      );
      return [
        ...(isKnown(service) ? [] : [finding("service-unknown", { kind, name, path: ["service"] }, unknown(service))]),
        ...leading.map(({ one, path }) =>
          finding(
            "service-unknown",
            { kind, name, path },
            `${one.service} is not registered, so that requests that are sent there fail. Correct the name, or register it first`,
          ),
        ),
      ];
    }),
  ];
}

/** Subsets that routes send requests to, and that no `Service` policy names. */
export function subsetFindings(policies: PolicySet): readonly Finding[] {
  const subsets = new Map(policies.of("Service").map(({ name, subsets: named = {} }) => [name, Object.keys(named)]));
  return policies.of("Route").flatMap(({ kind, name, service: own, rules }) =>
    rules.flatMap(({ to = [] }, i) =>
      to.flatMap(({ service = own, subset }, j) => {
        if (subset === undefined || subsets.get(service)?.includes(subset)) return [];
        const message = `Service/${service} names no subset ${subset}, so that requests that are sent there fail. Name it in its subsets, or correct it`;
        return [finding("subset-unknown", { kind, name, path: ["rules", i, "to", j, "subset"] }, message)];
      }),
    ),
  );
}
