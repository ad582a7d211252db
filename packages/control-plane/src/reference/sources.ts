/** The sources of all packages, without their tests, for the tests that hold the references of codes and of log events against them. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** A source file. */
export interface Source {
  /** From the repository's root. */
  readonly path: string;
  readonly text: string;
}

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const places = ["packages"];
const passedOver = /(^|\/)(node_modules|dist|testing|gen)$/;

/** All sources of the products, in the order of their paths. Comments are blanked out. */
export function sources(): readonly Source[] {
  return places
    .flatMap((place) => under(join(root, place)))
    .map((path) => ({ path: relative(root, path), text: withoutComments(readFileSync(path, "utf8")) }));
}

function under(directory: string): string[] {
  if (passedOver.test(directory)) return [];
  return readdirSync(directory, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) return under(path);
      return /(?<!\.test|\.d)\.ts$/.test(entry.name) && !entry.name.startsWith("testing") ? [path] : [];
    });
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
}

/** The `### name` headings of a reference, in its order. */
export function headings(reference: string): readonly string[] {
  return [...readFileSync(join(root, reference), "utf8").matchAll(/^### (\S+)$/gm)].map(([, name = ""]) => name);
}
