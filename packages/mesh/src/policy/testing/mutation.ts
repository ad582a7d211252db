/** Random values made wrong in one place. */
import fc from "fast-check";
import { leavesOf } from "../fields.js";

/** Values that hardly any field takes. */
const odd: readonly unknown[] = [
  null,
  -1,
  1e99,
  0.5,
  true,
  "",
  "  ",
  "10",
  "10 s",
  "-5s",
  "101%",
  "{",
  "\u0000",
  "a".repeat(5_000),
  [],
  {},
  [[]],
  { a: 1 },
];

/** The value with one of its fields replaced by an odd value, taken out, doubled as a list, or beside one that nobody knows. */
export function anyMutation(value: unknown): fc.Arbitrary<unknown> {
  const places = leavesOf(value).flatMap(({ path }) => path.map((_, i) => path.slice(0, i + 1)));
  const place = fc.constantFrom(...places);
  return fc
    .record({ place, how: fc.constantFrom("replace", "remove", "list", "beside"), by: fc.constantFrom(...odd) })
    .map(({ place: path, how, by }) => {
      const copy = structuredClone(value);
      const last = path.at(-1) as PropertyKey;
      const parent = path.slice(0, -1).reduce<unknown>((inside, step) => (inside as Record<PropertyKey, unknown>)[step], copy) as Record<
        PropertyKey,
        unknown
      >;
      if (how === "replace") parent[last] = by;
      else if (how === "list") parent[last] = [parent[last], by];
      else if (how === "remove" && Array.isArray(parent)) parent.splice(Number(last), 1);
      else if (how === "remove") delete parent[last];
      else parent["unheard-of"] = by;
      return copy;
    });
}
