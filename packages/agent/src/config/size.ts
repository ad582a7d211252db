/** Amounts of memory as people write them: `512Mi`, `2Gi`, or plain bytes. */
import { type Option, type OptionSpec, option } from "@legation/runtime";

const units = { "": 1, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 } as const;

/** Reads a size in bytes; undefined when it is none. */
export function parseSize(text: string): number | undefined {
  const [, number = "", unit = ""] = /^(\d+(?:\.\d+)?)(Ki|Mi|Gi)?$/.exec(text.trim()) ?? [];
  const bytes = Math.round(Number(number) * units[unit as keyof typeof units]);
  return number !== "" && Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** An option that holds bytes. */
export function sizeOption(spec: OptionSpec<number> & { readonly default: number }): Option<number>;
export function sizeOption(spec: OptionSpec<number>): Option<number | undefined>;
export function sizeOption(spec: OptionSpec<number>): Option<number | undefined> {
  return option.parsed<number>(
    "size",
    (raw) => {
      const value = parseSize(String(raw));
      return value === undefined ? { problem: `${JSON.stringify(raw)} is not a size. Write 512Mi, 2Gi or a number of bytes.` } : { value };
    },
    spec,
  );
}
