/** Random values that a schema accepts, made from the schema itself, so that a new field is tried without a word about it. */
import fc from "fast-check";
import { z } from "zod";

/** Texts that fields of policies take, beside those that match a field's own pattern. */
const texts = [
  ...["0s", "1ms", "25ms", "250ms", "1s", "1.5s", "5s", "30s", "5m", "1h", "24h"],
  ...["0%", "0.5%", "1%", "20%", "50%", "99.9%", "100%"],
  ...["/", "/v1", "/v1/orders", "x-user", "x-beta", "v1", "v2", "orders", "dev", "/dev/null", "GET", "POST", "a.example.com"],
  ...["[a-z]+", "/items/[0-9]+", "/users/{id}", "^/a$", "orders.v1.Orders", "Get", "version", "zone", "hello", "http://a.example.com/x"],
];

/** How texts are chosen where they have to be those of something else: by the path of the field that holds them, or its name alone. */
export type Words = Readonly<Record<string, fc.Arbitrary<string>>>;

/**
 * Values of which most are accepted: what two fields say together is not looked at. A field that may be left out is there in every
 * second case or less. Throws for a schema of a sort that no policy has yet.
 */
export function fromSchema(schema: z.ZodType, words: Words = {}, field = ""): fc.Arbitrary<unknown> {
  const inner = (one: unknown, name = field) => fromSchema(one as z.ZodType, words, name);
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodReadonly || schema instanceof z.ZodNullable) return inner(schema.unwrap());
  if (schema instanceof z.ZodObject) return objectOf(schema, (one, name) => inner(one, field === "" ? name : `${field}.${name}`));
  if (schema instanceof z.ZodRecord)
    return fc.dictionary(inner(schema.keyType, `${field} key`) as fc.Arbitrary<string>, inner(schema.valueType), {
      minKeys: 1,
      maxKeys: 2,
    });
  if (schema instanceof z.ZodArray) return listOf(schema, inner(schema.element));
  if (schema instanceof z.ZodUnion) return fc.oneof(...schema.options.map((one) => inner(one)));
  if (schema instanceof z.ZodEnum) return fc.constantFrom(...schema.options);
  if (schema instanceof z.ZodLiteral) return fc.constantFrom(...schema.values);
  if (schema instanceof z.ZodBoolean) return fc.boolean();
  if (schema instanceof z.ZodNumber) return numberOf(schema);
  if (schema instanceof z.ZodString) {
    const named = words[field] ?? words[field.slice(field.lastIndexOf(".") + 1)];
    return named && fc.sample(named, 3).every((one) => schema.safeParse(one).success) ? named : textOf(schema);
  }
  throw new Error(`no random values for ${schema.type} at ${field}: add it to from-schema.ts`);
}

/** Half of the objects have one or two of their optional fields alone: of many, only one may be there. */
function objectOf(schema: z.ZodObject, inner: (one: unknown, name: string) => fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const fields = Object.entries(schema.shape).map(([name, one]) => ({
    name,
    one: inner(one, name),
    optional: one instanceof z.ZodOptional,
  }));
  const optional = fields.filter((field) => field.optional);
  const few = fc
    .subarray(
      optional.map(({ name }) => name),
      { maxLength: Math.min(2, optional.length) },
    )
    .chain((chosen) => {
      const there = fields.filter((field) => !field.optional || chosen.includes(field.name));
      return fc.record(Object.fromEntries(there.map(({ name, one }) => [name, one])));
    });
  const several = fc
    .record(
      Object.fromEntries(fields.map(({ name, one, optional: some }) => [name, some ? fc.option(one, { nil: undefined, freq: 2 }) : one])),
    )
    .map((all) => Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)));
  return optional.length < 2 ? several : fc.oneof(several, few);
}

function listOf(schema: z.ZodArray, element: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const { minItems = 0, maxItems = 3 } = z.toJSONSchema(schema, { unrepresentable: "any" });
  return fc.uniqueArray(element, {
    minLength: minItems,
    maxLength: Math.min(maxItems, minItems + 2),
    selector: (one) => JSON.stringify(one),
  });
}

function numberOf(schema: z.ZodNumber): fc.Arbitrary<number> {
  const least = Math.max(schema.minValue ?? -1e6, -1e6);
  const most = Math.min(schema.maxValue ?? 0xffff_ffff, 0xffff_ffff);
  const near = [least, least + 1, Math.min(least + 7, most), Math.floor((least + most) / 2), most].filter(
    (one) => schema.safeParse(one).success,
  );
  const whole = fc.integer({ min: Math.ceil(least), max: Math.floor(Math.min(most, least + 1_000)) });
  return fc.oneof(...(near.length > 0 ? [fc.constantFrom(...near)] : []), whole);
}

function textOf(schema: z.ZodString): fc.Arbitrary<string> {
  const fits = texts.filter((one) => schema.safeParse(one).success);
  if (fits.length > 0) return fc.constantFrom(...fits);
  const { pattern } = z.toJSONSchema(schema, { unrepresentable: "any" });
  const any = pattern === undefined ? fc.string({ minLength: 1, maxLength: 20 }) : fc.stringMatching(new RegExp(pattern));
  return any.filter((one) => schema.safeParse(one).success);
}
