/** The list of kinds. A new one is a folder of its own and a line here. */
import type { z } from "zod";
import { accessKind } from "./access/access-document.js";
import { fieldsOf } from "./fields.js";
import { identityKind } from "./identity/identity-document.js";
import type { Affected, Conflict, FieldsOfKinds } from "./kind.js";
import { meshDefaultsKind } from "./mesh-defaults/mesh-defaults-document.js";
import { routeKind } from "./route/route-document.js";
import { serviceKind } from "./service/service-document.js";

/** Every kind of policy, by the word in `kind`. */
export const kinds = {
  MeshDefaults: meshDefaultsKind,
  Service: serviceKind,
  Route: routeKind,
  Identity: identityKind,
  Access: accessKind,
} as const;

/** The word of a kind. */
export type KindName = keyof typeof kinds;
/** A document of one kind. */
export type DocumentOf<K extends KindName> = z.output<(typeof kinds)[K]["schema"]>;
/** A document of any kind. Immutable. */
export type PolicyDocument = DocumentOf<KindName>;

/** True for the word of a kind. */
export function isKindName(word: string): word is KindName {
  return Object.hasOwn(kinds, word);
}

/** Which services a document changes. */
export function affectedBy(document: PolicyDocument): Affected {
  return (kinds[document.kind].affects as (one: PolicyDocument) => Affected)(document);
}

type Conflicts = (all: readonly PolicyDocument[], words: readonly string[], fields: FieldsOfKinds) => readonly Conflict[];
const fieldsOfKind: FieldsOfKinds = (kind) => (isKindName(kind) ? fieldsOf(kinds[kind].schema) : new Map());

/** What documents contradict each other in, each with the kind that it was found in. */
export function conflictsOf(documents: readonly PolicyDocument[]): readonly (Conflict & { readonly kind: KindName })[] {
  return (Object.keys(kinds) as KindName[]).flatMap((kind) => {
    const mine = documents.filter((document) => document.kind === kind);
    const conflicts = (kinds[kind].conflicts as Conflicts)(mine, Object.keys(kinds), fieldsOfKind);
    return conflicts.map((conflict) => ({ kind, ...conflict }));
  });
}
