/** What a schema of the API describes, as a TypeScript type that nobody may write to. */
import type { z } from "zod";

/** The value that a schema describes, read-only all the way down. The types of answers are made of this, so that views can share what they show. */
export type View<S extends z.ZodType> = Frozen<z.output<S>>;

type Frozen<T> = unknown extends T
  ? T
  : T extends string | number | boolean | bigint | null | undefined
    ? T
    : T extends readonly (infer Item)[]
      ? readonly Frozen<Item>[]
      : { readonly [K in keyof T]: Frozen<T[K]> };
