/** The schemas of the API as JSON Schema (draft 2020-12, OpenAPI 3.1), with those that have a name said once. */
import { z } from "zod";

/** A JSON Schema, or a part of an OpenAPI document. */
export type Json = { readonly [key: string]: unknown };

/** Which side of a schema is meant: what may be sent to the API, or what it answers. */
export type Side = "input" | "output";

/** Schemas by name while a document is written. */
export interface SchemaBook {
  /** A schema, as a reference where it has a name. */
  write(schema: z.ZodType, side: Side): Json;
  /** Puts the names in order: call it once with everything that was written. A schema that is sent and answered in different forms has two. */
  finish<T>(document: T): { readonly document: T; readonly schemas: Json };
}

const local = "#/$defs/";
const shared = "#/components/schemas/";

/** Makes it. */
export function createSchemaBook(): SchemaBook {
  const named: Record<Side, Map<string, Json>> = { input: new Map(), output: new Map() };
  return {
    write(schema, side) {
      const {
        $defs = {},
        $schema: _,
        properties,
      } = z.toJSONSchema(z.object({ it: schema }), { io: side, override: ({ jsonSchema }) => tidy(jsonSchema) });
      const mark = (ref: string) => (ref.startsWith(local) ? `${shared}${side}:${ref.slice(local.length)}` : ref);
      for (const [name, definition] of Object.entries($defs)) named[side].set(name, withRefs(definition, mark) as Json);
      return withRefs(properties?.["it"] ?? {}, mark) as Json;
    },
    finish(document) {
      const { input, output } = named;
      const both = new Set([...input.keys()].filter((name) => output.has(name)));
      const plain = (ref: string) => ref.replace(/(input|output):(\w+)$/, (_, side: Side, name: string) => nameOf(side, name));
      const nameOf = (side: Side, name: string) => (side === "input" && both.has(name) ? `${name}Input` : name);
      const schemas = (["input", "output"] as const).flatMap((side) =>
        [...named[side]].map(([name, schema]) => [nameOf(side, name), withRefs(schema, plain)] as const),
      );
      schemas.sort(([a], [b]) => (a < b ? -1 : 1));
      return { document: withRefs(document, plain) as typeof document, schemas: Object.fromEntries(schemas) };
    },
  };
}

/** Takes out what zod writes and a reader does not need: names inside. */
function tidy(schema: Record<string, unknown>): void {
  delete schema["id"];
}

function withRefs(value: unknown, change: (ref: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => withRefs(item, change));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [key, key === "$ref" && typeof part === "string" ? change(part) : withRefs(part, change)]),
  );
}
