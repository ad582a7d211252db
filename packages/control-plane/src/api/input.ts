/** What comes in by a path, a query or a body, read by the schema of its route. */
import { flawsOf, pathText } from "@legation/mesh/policy";
import { z } from "zod";

/** The parts of a request, as problems name them. */
export type InputPart = "path" | "query" | "body";

/** Flaws that a problem names at most. */
const flawsNamed = 10;

/** Thrown to whoever has sent what a schema does not take: names each place inside the input, and the fix. */
export class InvalidInput extends Error {
  override readonly name = "InvalidInput";
  readonly statusCode = 400;
}

/** Reads one part of a request; the texts of a path and of a query are taken for numbers and lists where the schema wants them. */
export function inputReader(part: InputPart, schema: z.ZodType): (data: unknown) => { value: unknown } | { error: InvalidInput } {
  const wanted = part === "body" ? undefined : propertiesOf(schema);
  return (data) => {
    const given = data === null ? undefined : data;
    const read = schema.safeParse(wanted ? typed(given, wanted) : given, { reportInput: true });
    if (read.success) return { value: read.data };
    const flaws = flawsOf(read.error);
    const named = flaws.slice(0, flawsNamed).map(({ path, message }) => `${pathText([part, ...path])}: ${message}`);
    const more = flaws.length - named.length;
    return { error: new InvalidInput([...named, ...(more > 0 ? [`and ${more} more`] : [])].join("; ")) };
  };
}

interface Wanted {
  readonly type?: string;
  readonly items?: Wanted;
}

function propertiesOf(schema: z.ZodType): Readonly<Record<string, Wanted>> {
  const { properties = {} } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  return properties as Record<string, Wanted>;
}

function typed(data: unknown, wanted: Readonly<Record<string, Wanted>>): unknown {
  return Object.fromEntries(Object.entries(data ?? {}).map(([name, value]) => [name, read(value, wanted[name] ?? {})]));
}

function read(value: unknown, { type, items = {} }: Wanted): unknown {
  if (type === "array") return (Array.isArray(value) ? value : [value]).map((item) => read(item, items));
  if ((type === "integer" || type === "number") && typeof value === "string" && /^-?\d{1,20}(\.\d{1,20})?$/.test(value))
    return Number(value);
  if (type === "boolean" && (value === "true" || value === "false")) return value === "true";
  return value;
}
