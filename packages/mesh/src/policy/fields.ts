/** The fields of policies: where the values of a document stand, and which fields a kind has at all. */
import { z } from "zod";

/** One value of a document that is no map and no list, or an empty one. */
export interface Leaf {
  readonly path: readonly PropertyKey[];
  readonly value: unknown;
}

/** Every value of a document, in its order. Fields that are undefined are left out. */
export function leavesOf(value: unknown, path: readonly PropertyKey[] = []): readonly Leaf[] {
  if (value === undefined) return [];
  if (typeof value !== "object" || value === null) return [{ path, value }];
  const inside = Array.isArray(value) ? value.entries() : Object.entries(value).values();
  const leaves = [...inside].flatMap(([key, one]) => leavesOf(one, [...path, key]));
  return leaves.length > 0 ? leaves : [{ path, value }];
}

/** True when a value at `path` is the field's, or inside it. Places in lists do not count, and `*` is any name. */
export function isWithin(path: readonly PropertyKey[], field: string): boolean {
  const names = path.filter((step) => typeof step !== "number");
  const steps = field.split(".");
  return steps.length <= names.length && steps.every((step, i) => step === "*" || step === names[i]);
}

/** What a field holds: a value (or a list of them), or a map of further fields; `either` where the document may choose. */
export type FieldShape = "value" | "map" | "either";

const known = new WeakMap<z.ZodType, ReadonlyMap<string, FieldShape>>();

/** Every field that a schema knows, by its path as `isWithin` takes it, deeper than five maps inside each other left out. */
export function fieldsOf(schema: z.ZodType): ReadonlyMap<string, FieldShape> {
  const found = known.get(schema);
  if (found) return found;
  const fields = new Map<string, FieldShape>();
  const root = z.toJSONSchema(schema, { io: "input", unrepresentable: "any", reused: "inline" }) as Node;
  collect(root, root, "", 0, fields);
  known.set(schema, fields);
  return fields;
}

/** What of JSON Schema matters here. */
interface Node {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: Node | boolean;
  readonly items?: Node | boolean;
  readonly anyOf?: readonly Node[];
  readonly oneOf?: readonly Node[];
  readonly allOf?: readonly Node[];
  readonly $defs?: Readonly<Record<string, Node>>;
}

const deepest = 6;

function collect(node: Node, root: Node, path: string, depth: number, into: Map<string, FieldShape>): void {
  const choices = [...(node.anyOf ?? []), ...(node.oneOf ?? []), ...(node.allOf ?? [])];
  const target = node.$ref === undefined ? undefined : root.$defs?.[node.$ref.replace("#/$defs/", "")];
  if (target) choices.push(target);
  for (const choice of choices) collect(choice, root, path, depth, into);
  if (typeof node.items === "object") collect(node.items, root, path, depth, into);
  const free = typeof node.additionalProperties === "object" ? node.additionalProperties : undefined;
  const isMap = node.properties !== undefined || free !== undefined;
  if (path !== "" && choices.length === 0 && typeof node.items !== "object") note(into, path, isMap ? "map" : "value");
  if (depth === deepest) return;
  const below = path === "" ? "" : `${path}.`;
  for (const [name, one] of Object.entries(node.properties ?? {})) collect(one, root, `${below}${name}`, depth + 1, into);
  if (free) collect(free, root, `${below}*`, depth + 1, into);
}

function note(into: Map<string, FieldShape>, path: string, shape: FieldShape): void {
  const before = into.get(path);
  into.set(path, before === undefined || before === shape ? shape : "either");
}
