/** Bounds on what a field may be set to: for numbers, durations, shares and words. */
import { z } from "zod";
import { milliseconds, percent } from "../traffic/duration.js";

const duration = /^\d{1,9}(?:\.\d{1,3})?(?:ms|s|m|h|d)$/;
const share = /^\d{1,3}(?:\.\d{1,4})?%$/;

/** A value with a size. Two are compared only where both are of one sort; `size` in milliseconds, percent, or as it stands. */
interface Quantity {
  readonly sort: "number" | "duration" | "share";
  readonly size: number;
}

/** The size of a written value; undefined for what has none. */
function quantityOf(value: unknown): Quantity | undefined {
  if (typeof value === "number") return { sort: "number", size: value };
  if (typeof value !== "string") return undefined;
  if (duration.test(value)) return { sort: "duration", size: milliseconds(value) };
  return share.test(value) ? { sort: "share", size: percent(value) } : undefined;
}

const quantity = z
  .union([z.number(), z.string()])
  .refine((value) => quantityOf(value) !== undefined, { error: "use a number, a duration such as 30s, or a share such as 20%" });

/** What may be written of one field. */
export const boundSchema = z
  .strictObject({
    min: quantity.optional().describe("The least: a number, a duration or a share, as the field itself is written."),
    max: quantity.optional().describe("The most."),
    oneOf: z
      .array(z.union([z.string().max(256), z.number(), z.boolean()]))
      .min(1)
      .max(100)
      .optional()
      .describe("The only values."),
    forbid: z.literal(true).optional().describe("The field, and everything inside it, is neither set, changed nor taken out."),
  })
  .refine(({ min, max, oneOf, forbid }) => [min, max, oneOf, forbid].some((one) => one !== undefined), {
    error: "says nothing. Write min, max, oneOf or forbid",
  })
  .refine(({ min, max, oneOf, forbid }) => forbid === undefined || [min, max, oneOf].every((one) => one === undefined), {
    path: ["forbid"],
    error: "leaves nothing to bound. Take it out, or the other bounds",
  })
  .refine(({ min, max }) => min === undefined || max === undefined || inOrder(min, max), {
    path: ["max"],
    error: "is less than min, or of another sort, so that nothing could ever be set. Mend one of the two",
  })
  .readonly();

/** The bounds of one field. */
export type Bound = z.output<typeof boundSchema>;

function inOrder(min: unknown, max: unknown): boolean {
  const [least, most] = [quantityOf(min), quantityOf(max)];
  return least !== undefined && most !== undefined && least.sort === most.sort && least.size <= most.size;
}

/** The bound that a value is beyond, in words; undefined when it is within. A value that cannot be compared is beyond. */
export function beyond(bound: Bound, value: unknown): string | undefined {
  const { min, max, oneOf, forbid } = bound;
  if (forbid) return "may not be touched";
  const text = JSON.stringify(value);
  if (oneOf && !oneOf.some((one) => one === value)) return `${text} is none of ${oneOf.join(", ")}`;
  const size = quantityOf(value);
  for (const [limit, word] of [
    [min, "at least"],
    [max, "at most"],
  ] as const) {
    if (limit === undefined) continue;
    const allowed = quantityOf(limit);
    if (!size || size.sort !== allowed?.sort) return `${text} cannot be compared with ${limit}, and ${word} that is allowed`;
    if (word === "at least" ? size.size < allowed.size : size.size > allowed.size) return `${text}, and ${word} ${limit} is allowed`;
  }
  return undefined;
}
