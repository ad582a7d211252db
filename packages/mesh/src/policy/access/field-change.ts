/** What a change does to each field of a document, and what holds in the place of one that it takes out. */
import { canonicalJson } from "../canonical.js";
import { readDocument } from "../document.js";
import { isWithin, type Leaf, leavesOf } from "../fields.js";
import { apiVersion } from "../kind.js";
import type { PolicyDocument } from "../kinds.js";
import { defaultSettings, synonyms } from "../traffic/settings.js";
import type { Documents } from "./approval-rule.js";

/** One field that a change sets, alters or takes out. */
export interface FieldChange {
  /** As documents are read: of two names for a field, the one that counts. */
  readonly path: readonly PropertyKey[];
  /** As it is written. */
  readonly place: readonly PropertyKey[];
  /**
   * What is set; or, for a field that is taken out, what holds `instead` of it, by whose word; `unknown` where that cannot be told, and
   * `as-below` where the next wider policy says it, which has bounds of its own.
   */
  readonly value: { readonly is: unknown; readonly instead?: string } | "unknown" | "as-below";
}

/** The fields in which the document `key` differs. */
export function fieldChanges(before: Documents, after: Documents, key: string): readonly FieldChange[] {
  const old = read(before.get(key));
  const now = read(after.get(key));
  const set = [...now].filter(([path, leaf]) => canonicalJson(leaf.value) !== canonicalJson(old.get(path)?.value ?? missing));
  const gone = [...old].filter(([path]) => !now.has(path));
  const kind = (after.get(key) ?? before.get(key))?.kind;
  return [
    ...set.map(([, { path, place, value }]) => ({ path, place, value: { is: value } })),
    ...gone.map(([, { path, place }]) => ({ path, place, value: kind ? without(kind, path, after) : "unknown" }) as const),
  ];
}

/** No value of a document is equal to it. */
const missing = { missing: [] };

interface ReadLeaf extends Leaf {
  readonly place: readonly PropertyKey[];
}

/** The values of a document beside its head, by their path as it is read. */
function read(document: PolicyDocument | undefined): ReadonlyMap<string, ReadLeaf> {
  const own = leavesOf(document).filter(({ path: [first] }) => first !== "apiVersion" && first !== "kind" && first !== "name");
  return new Map(
    own.map((leaf) => {
      const [, other] = Object.entries(synonyms).find(([field]) => isWithin(leaf.path, field)) ?? [];
      const path = other === undefined ? leaf.path : other.split(".");
      return [JSON.stringify(path), { path, place: leaf.path, value: leaf.value }];
    }),
  );
}

function without(kind: PolicyDocument["kind"], path: readonly PropertyKey[], after: Documents): FieldChange["value"] {
  if (kind !== "Service" && kind !== "MeshDefaults") return "as-below";
  if (kind === "Service")
    for (const [key, document] of after) {
      const said = document.kind === "MeshDefaults" ? read(document).get(JSON.stringify(path)) : undefined;
      if (said) return { is: said.value, instead: key };
    }
  const is = defaultAt(path);
  return is === undefined ? "unknown" : { is, instead: "Legation's default" };
}

/** The built-in default of a field as one would write it: settings hold durations as milliseconds, and shares as percent. */
function defaultAt(path: readonly PropertyKey[]): unknown {
  const at = (steps: readonly PropertyKey[]) =>
    steps.reduce<unknown>((inside, step) => (inside as Readonly<Record<PropertyKey, unknown>> | undefined)?.[step], defaultSettings);
  const value = at(path) ?? at([...path.slice(0, -1), `${String(path.at(-1))}Percent`]);
  return [value, `${String(value)}ms`, `${String(value)}%`].find((written) => isWritable(path, written));
}

function isWritable(path: readonly PropertyKey[], value: unknown): boolean {
  const fields = [...path].reverse().reduce<unknown>((inside, step) => ({ [step]: inside }), value) as object;
  return value !== undefined && "document" in readDocument({ apiVersion, kind: "MeshDefaults", name: "mesh", ...fields });
}
