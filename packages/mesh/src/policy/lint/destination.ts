/** One destination as it is looked at: what holds for it, and which document says so. */
import type { MeshDefaultsDocument } from "../mesh-defaults/mesh-defaults-document.js";
import type { ServiceDocument } from "../service/service-document.js";
import { putOver, type TrafficFields, type TrafficSettings } from "../traffic/settings.js";
import { type TrafficPolicies, trafficTo } from "../traffic/traffic-policies.js";
import type { Place } from "./finding.js";

/** Settings under one name: of a service, of a rule for some of its requests, or of the mesh where no service says otherwise. */
export interface Destination {
  /** Undefined for what `MeshDefaults` says to all. */
  readonly service: string | undefined;
  readonly settings: TrafficSettings;
  /** Where a field is said, of those that were written for this destination; the narrowest. Undefined where nobody has written it. */
  said(...fields: readonly string[]): Place | undefined;
}

/** The documents with a say, the narrowest first, each with the place of its settings. */
interface Speaker extends Place {
  readonly fields: TrafficFields;
}

/**
 * What the policies say of one service: first of the service itself, then of each rule of its routes that says how its requests are sent.
 * The service's own wishes are left out: what is odd about those is told where the service is compiled.
 */
export function destinationsOf(service: string, policies: TrafficPolicies): readonly Destination[] {
  const { settings, rules } = trafficTo({ name: service, instances: [] }, policies);
  const routes = policies.routes.get(service) ?? [];
  const own = rules.flatMap((rule) => {
    if (rule.settings === settings) return [];
    const document = routes.find(({ name }) => `Route/${name}` === rule.document);
    const fields = document?.rules[rule.index];
    if (!document || !fields) return [];
    const speaker = { kind: "Route", name: document.name, path: ["rules", rule.index], fields };
    return [{ service, settings: rule.settings, said: sayer([], [speaker]) }];
  });
  return [{ service, settings, said: sayer([policies.services.get(service), policies.mesh]) }, ...own];
}

/** What `MeshDefaults` says to every service of which nothing else is said. */
export function meshDestination({ mesh, base }: TrafficPolicies): Destination {
  return { service: undefined, settings: mesh ? putOver(mesh, base) : base, said: sayer([mesh]) };
}

function sayer(
  documents: readonly (ServiceDocument | MeshDefaultsDocument | undefined)[],
  before: readonly Speaker[] = [],
): Destination["said"] {
  const speakers = [...before];
  for (const document of documents) if (document) speakers.push({ kind: document.kind, name: document.name, path: [], fields: document });
  return (...fields) => {
    for (const { kind, name, path, fields: written } of speakers)
      for (const field of fields) {
        const steps = field.split(".");
        const value = steps.reduce<unknown>((inside, step) => (inside as Readonly<Record<string, unknown>> | undefined)?.[step], written);
        if (value !== undefined) return { kind, name, path: [...path, ...steps] };
      }
    return undefined;
  };
}
