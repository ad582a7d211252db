/** The files that `-f` names: read, and checked before anything is asked of a control plane. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type PolicyDocument, type PolicyFile, parsePolicyFiles } from "@legation/mesh/policy/documents";
import { ConfigError, messageOf, option } from "@legation/runtime/command-line";

/** The flag. */
export const filesOption = option.list({
  description: "Policy file (YAML or JSON, several documents each), or a directory of them. Repeat it for more",
  unit: "file",
  flag: "-f",
});

/** Reads files and directories. Throws a ConfigError that says what cannot be read. */
export function readFiles(paths: readonly string[]): readonly PolicyFile[] {
  if (paths.length === 0) throw new ConfigError(["-f: the value is missing. Name a policy file, or a directory of them"]);
  return paths.flatMap((path) => {
    try {
      if (!statSync(path).isDirectory()) return [{ path, text: readFileSync(path, "utf8") }];
      const names = readdirSync(path).filter((name) => /^[^.].*\.(ya?ml|json)$/.test(name) && !name.endsWith(".schema.json"));
      return names.sort().map((name) => ({ path: join(path, name), text: readFileSync(join(path, name), "utf8") }));
    } catch (error) {
      throw new ConfigError([`-f ${path}: ${messageOf(error)}. Name a policy file, or a directory of them`]);
    }
  });
}

/** The documents of files and directories. Throws a ConfigError with everything that is wrong. */
export function readPolicies(paths: readonly string[]): readonly PolicyDocument[] {
  const { documents, problems } = parsePolicyFiles(readFiles(paths));
  if (problems.length > 0) throw new ConfigError(problems);
  return documents;
}
