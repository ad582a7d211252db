/** Subsets of a service's instances, by name: what routes can send requests to. */
import { z } from "zod";
import { type CatalogService, compareText, type Instance } from "../../../catalog/instance.js";
import type { Problem } from "../../../problem.js";

/** What an instance has to have to belong to a subset: all of it. */
export interface Subset {
  readonly version?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  /** By the key in the registration's `Meta`. */
  readonly meta?: Readonly<Record<string, string>> | undefined;
}

/** The subsets of one service, by name. */
export type Subsets = Readonly<Record<string, Subset>>;

/** The name of a subset. */
export const subsetName = z.string().regex(/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/, {
  error: "use 1 to 64 letters, digits, dots, hyphens and underscores, with a letter or digit at both ends",
});

const word = z.string().min(1).max(512);

const subset = z
  .strictObject({
    version: word.optional().describe("The version that the instance is registered with."),
    tags: z.array(word).min(1).max(16).optional().describe("Tags, all of which the instance has."),
    meta: z.record(word, z.string().max(512)).optional().describe("Keys of the registration's Meta, and the values that they have."),
  })
  .refine(({ version, tags, meta = {} }) => version !== undefined || tags !== undefined || Object.keys(meta).length > 0, {
    error: 'says nothing of its instances. Write version: "2", tags: [beta] or meta: { key: value }',
  });

/** The field `subsets`. */
export const subsetsField = z
  .record(subsetName, subset)
  .refine((all) => Object.keys(all).length <= 64, { error: "has more than 64 subsets. Keep those that routes use" })
  .describe("Groups of the instances, for routes to send requests to. An instance belongs to each whose words all fit it.");

/** The names of the subsets that an instance belongs to, sorted. */
export function subsetsOf(instance: Instance, subsets: Subsets): readonly string[] {
  return Object.keys(subsets)
    .filter((name) => belongs(instance, subsets[name] ?? {}))
    .sort(compareText);
}

function belongs({ tags, meta }: Instance, wanted: Subset): boolean {
  if (wanted.version !== undefined && meta["version"] !== wanted.version) return false;
  if (wanted.tags?.some((tag) => !tags.includes(tag))) return false;
  return Object.entries(wanted.meta ?? {}).every(([key, value]) => Object.hasOwn(meta, key) && meta[key] === value);
}

/** The subsets that no instance of a registered service belongs to. */
export function subsetProblems({ name, instances }: CatalogService, subsets: Subsets): readonly Problem[] {
  if (instances.length === 0) return [];
  const filled = new Set(instances.flatMap((instance) => subsetsOf(instance, subsets)));
  const empty = Object.keys(subsets).filter((subset) => !filled.has(subset));
  return empty.sort(compareText).map((subset) => ({
    code: "subset-empty",
    service: name,
    message: `no instance belongs to its subset ${subset} (${subsetWords(subsets[subset] ?? {})}), so that requests to it are answered 503: register one that does, or correct Service/${name}`,
  }));
}

/** What an instance has to have to belong to it: `version 2, tag beta, track=canary`. */
export function subsetWords({ version, tags = [], meta = {} }: Subset): string {
  const entries = Object.entries(meta).map(([key, value]) => `${key}=${value}`);
  return [...(version === undefined ? [] : [`version ${version}`]), ...tags.map((tag) => `tag ${tag}`), ...entries].join(", ");
}
