/** One destination as it is looked at: what holds for it, and which document says so. */
import type { CatalogService } from "../../catalog/instance.js";
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

/** What the policies say of one service. */
export function destinationOf(service: CatalogService, policies: TrafficPolicies): Destination {
  const own = policies.services.get(service.name);
  return { service: service.name, settings: trafficTo(service, policies).settings, said: sayer([own, policies.mesh]) };
}

/** What `MeshDefaults` says, by itself. */
export function meshDestination({ mesh, base }: TrafficPolicies): Destination | undefined {
  return mesh && { service: undefined, settings: putOver(mesh, base), said: sayer([mesh]) };
}

/** What each rule of the service's routes says that says anything of how its requests are sent. */
export function ruleDestinations(service: CatalogService, policies: TrafficPolicies): readonly Destination[] {
  const { rules, settings } = trafficTo(service, policies);
  return rules.flatMap((rule) => {
    if (rule.settings === settings) return [];
    const document = policies.routes.get(service.name)?.find(({ name }) => `Route/${name}` === rule.document);
    const fields = document?.rules[rule.index];
    if (!document || !fields) return [];
    const speaker = { kind: "Route", name: document.name, path: ["rules", rule.index], fields };
    return [{ service: service.name, settings: rule.settings, said: sayer([], [speaker]) }];
  });
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
