/** What is odd about a change of policies, for whoever makes it. */
import type { CatalogService } from "@legation/mesh";
import { type Documents, documentKey, type Finding, lintChange, type PolicyDocument, policySet } from "@legation/mesh/policy";
import type { FastifyRequest } from "fastify";

/** Where the routes find what is registered. */
export interface Registry {
  services(): readonly CatalogService[];
}

/** What is odd about a change, as far as the services that the caller may read show it. Throws AccessUndecided when Consul does not say. */
export async function findingsOf(
  { access }: FastifyRequest,
  registry: Registry,
  { before, after, set }: { readonly before: Documents; readonly after: Documents; readonly set: readonly PolicyDocument[] },
): Promise<readonly Finding[]> {
  const services = registry.services();
  const readable = await access.readable(services.map(({ name }) => name));
  const known = services.filter(({ name }) => readable.has(name));
  return lintChange(policySet(before.values()), policySet(after.values()), new Set(set.map(documentKey)), known);
}
