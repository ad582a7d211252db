/** Whether the author of a change may make it, by the `allow` of `Access` policies. */

import { isWithin } from "../fields.js";
import { pathText } from "../flaw.js";
import { affectedBy, type PolicyDocument } from "../kinds.js";
import { synonyms } from "../traffic/settings.js";
import type { AccessDocument } from "./access-document.js";
import { changedKeys, type Documents } from "./approval-rule.js";
import { beyond } from "./bound.js";
import { type FieldChange, fieldChanges } from "./field-change.js";

/** Who changes policies, as Consul knows the token: public names, never a secret. */
export interface Author {
  readonly accessor?: string | undefined;
  readonly policies: readonly string[];
  readonly roles: readonly string[];
}

type Rule = AccessDocument & { readonly allow: NonNullable<AccessDocument["allow"]> };

/**
 * What of a change its author may not make, a sentence for each with the document, the path, the bound and who may. The rules of the
 * documents before and those after must both let it pass, so that nobody loosens a rule and uses it at once. Empty when all of it may be.
 *
 * A document that no rule covers is left to the right of the token. Of the rules that cover one, the narrowest say who may change it: those
 * that name its service before those that name its kind before the others; one of equally narrow ones is enough. Within what bounds is said
 * by all rules that cover the document and mean the author.
 */
export function notAllowed(before: Documents, after: Documents, author: Author): readonly string[] {
  const rules = [before, after].map(allowRules);
  const sentences = changedKeys(before, after).flatMap((key) => {
    const documents = [before.get(key), after.get(key)].filter((document) => document !== undefined);
    const changes = fieldChanges(before, after, key);
    return targetsOf(documents).flatMap((target) =>
      rules.flatMap((all) => judge({ key, kind: documents[0]?.kind ?? "", target, changes, author }, all)),
    );
  });
  return [...new Set(sentences)];
}

function allowRules(documents: Documents): readonly Rule[] {
  return [...documents.values()].filter((document): document is Rule => document.kind === "Access" && document.allow !== undefined);
}

/** The services that a change concerns, each judged for itself; undefined stands for what is no service's. */
function targetsOf(documents: readonly PolicyDocument[]): readonly (string | undefined)[] {
  const services = documents.flatMap((document): readonly (string | undefined)[] => {
    const affected = affectedBy(document);
    return affected === "all" || affected.length === 0 ? [undefined] : affected;
  });
  return [...new Set(services)];
}

interface Judged {
  readonly key: string;
  readonly kind: string;
  readonly target: string | undefined;
  readonly changes: readonly FieldChange[];
  readonly author: Author;
}

function judge({ key, kind, target, changes, author }: Judged, rules: readonly Rule[]): readonly string[] {
  const covering = rules.filter((rule) => covers(rule, kind, target));
  const narrowest = Math.max(...covering.map(narrowness));
  const deciding = covering.filter((rule) => narrowness(rule) === narrowest);
  if (covering.length === 0) return [];
  if (!deciding.some((rule) => means(rule, author)))
    return [`${key}: may not be changed by you: ${deciding.map(whoMay).join("; ")}. ${mend}`];
  return covering.filter((rule) => means(rule, author)).flatMap((rule) => changes.flatMap((change) => objections(key, rule, change)));
}

function covers({ kinds, services }: Rule, kind: string, target: string | undefined): boolean {
  if (kinds && !kinds.includes(kind)) return false;
  return !services || (target !== undefined && services.includes(target));
}

function narrowness({ kinds, services }: Rule): number {
  return (services ? 2 : 0) + (kinds ? 1 : 0);
}

function means({ allow: { to } }: Rule, { accessor, policies, roles }: Author): boolean {
  if (!to) return true;
  if (accessor !== undefined && to.tokens?.includes(accessor)) return true;
  return policies.some((name) => to.policies?.includes(name)) || roles.some((name) => to.roles?.includes(name));
}

/** Who can do what a rule forbids. */
const mend = 'Ask somebody whose token may write all policies (key_prefix "legation/policies/"): no bound holds for them';

function whoMay({ name, allow: { to } }: Rule): string {
  const named = [
    ...(to?.policies ?? []).map((one) => `ACL policy ${one}`),
    ...(to?.roles ?? []).map((one) => `ACL role ${one}`),
    ...(to?.tokens ?? []).map((one) => `token ${one}`),
  ];
  return `Access/${name} allows ${named.join(", ") || "everyone"}`;
}

function objections(key: string, rule: Rule, { path, value, place }: FieldChange): readonly string[] {
  const { name, allow } = rule;
  const say = (why: string) => `${key}: ${pathText(place)}: ${why}, by Access/${name}. ${mend}`;
  if (allow.fields && !allow.fields.some((field) => concerns(field, path))) return [say(`only ${allow.fields.join(", ")} may be changed`)];
  return Object.entries(allow.bounds ?? {}).flatMap(([field, bound]) => {
    if (!concerns(field, path)) return [];
    if (value === "as-below") return bound.forbid ? [say("may not be touched")] : [];
    if (value === "unknown")
      return bound.forbid
        ? [say("may not be touched")]
        : [say("may not be taken out, because what holds without it is not known to be within bounds")];
    const why = beyond(bound, value.is);
    return why === undefined ? [] : [say(value.instead ? `without it ${value.instead} holds: ${why}` : why)];
  });
}

/** True when a bound on a field holds for the value at a path: also for what a `Route`'s rule says in the place of its service. */
function concerns(field: string, path: readonly PropertyKey[]): boolean {
  const names = path.filter((step) => typeof step !== "number");
  return isWithin(names, asRead(field)) || (names[0] === "rules" && isWithin(names.slice(1), asRead(field)));
}

/** The field as documents are read: the other name where it has two. */
function asRead(field: string): string {
  return Object.hasOwn(synonyms, field) ? synonyms[field as keyof typeof synonyms] : field;
}
