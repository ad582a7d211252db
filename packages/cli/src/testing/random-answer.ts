/** Random answers of the API, right by their schema and nasty in every text, as a registry may hold them. */
import fc from "fast-check";

/** The part of JSON Schema that the API's schemas use. */
interface JsonSchema {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** Texts that break tables and steer terminals: wide, combining, empty, endless, with escape sequences and line breaks. */
export const nastyText: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: fc.stringMatching(/^[a-z0-9.-]{1,20}$/) },
      fc.string({ unit: "binary", maxLength: 12 }),
      fc.string({ unit: "grapheme-composite", maxLength: 40 }),
      fc.constantFrom(
        "訂單服務".repeat(9),
        "👩‍👩‍👧".repeat(8),
        "\u001b[31m\u001b[2J",
        "\u009b2J\u202e",
        "a\u0300".repeat(20),
        "\n\n",
        "word ".repeat(40),
      ),
      fc.constant("x".repeat(300)),
    ),
    { maxLength: 2 },
  )
  .map((parts) => parts.join(""));

/** Values of a schema. Throws for a schema that it does not know. */
export function answersOf(schema: { toJSONSchema(): unknown }): fc.Arbitrary<unknown> {
  const root = schema.toJSONSchema() as JsonSchema;
  return valuesOf(root, root, 0);
}

function valuesOf(schema: JsonSchema, root: JsonSchema, depth: number): fc.Arbitrary<unknown> {
  if (schema.$ref !== undefined) return valuesOf(referred(schema.$ref, root), root, depth);
  if ("const" in schema) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  const choices =
    schema.anyOf ?? schema.oneOf ?? (Array.isArray(schema.type) ? schema.type.map((type: string) => ({ ...schema, type })) : undefined);
  if (choices) return fc.oneof(...choices.map((choice) => valuesOf(choice, root, depth)));
  if (schema.allOf) return fc.tuple(...schema.allOf.map((part) => valuesOf(part, root, depth))).map((parts) => Object.assign({}, ...parts));
  const { minimum = -1e9, maximum = 1e9 } = schema;
  switch (schema.type) {
    case "string":
      return schema.format === "date-time" ? times : nastyText;
    case "integer":
      return fc.integer({ min: Math.max(minimum, -1e9), max: Math.min(maximum, 1e9) });
    case "number":
      return fc.double({ min: minimum, max: maximum, noNaN: true });
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    case "array":
      return fc.array(valuesOf(schema.items ?? {}, root, depth + 1), { maxLength: depth > 3 ? 1 : 3 });
    case "object":
      return objectsOf(schema, root, depth + 1);
    case undefined:
      return fc.jsonValue({ maxDepth: 2 });
    default:
      throw new Error(`a schema of type ${String(schema.type)} is not known here`);
  }
}

const times = fc
  .date({ min: new Date("2020-01-01T00:00:00Z"), max: new Date("2030-01-01T00:00:00Z"), noInvalidDate: true })
  .map((date) => date.toISOString());

function objectsOf(schema: JsonSchema, root: JsonSchema, depth: number): fc.Arbitrary<unknown> {
  const { properties = {}, required = [], additionalProperties } = schema;
  const own = fc.record(Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, valuesOf(value, root, depth)])), {
    requiredKeys: [...required],
  });
  if (typeof additionalProperties !== "object") return own;
  const more = fc.dictionary(nastyText, valuesOf(additionalProperties, root, depth), { maxKeys: 3 });
  return fc.tuple(more, own).map(([others, known]) => ({ ...others, ...known }));
}

function referred(path: string, root: JsonSchema): JsonSchema {
  const name = decodeURIComponent(path.replace(/^#\/(\$defs\/)?/, "").replaceAll("~1", "/"));
  const found = path === "#" ? root : root.$defs?.[name];
  if (!found) throw new Error(`${path} refers to nothing`);
  return found;
}
