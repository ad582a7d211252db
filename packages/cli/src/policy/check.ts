/** `legation policy check`: whether files are right, without a control plane. */
import { documentKey, parsePolicyFiles } from "@legation/mesh/policy";
import { option } from "@legation/runtime";
import { exitCode } from "../exit-code.js";
import { filesOption, readFiles } from "./files.js";
import { subcommand } from "./subcommand.js";

/** Checks. */
export const run = subcommand({
  name: "check",
  words: "",
  maxWords: 0,
  summary:
    "Checks policy files as a whole, offline: fields and their values, names, and contradictions. Each problem names file, line, path and fix.",
  examples: ["legation policy check -f policies/", "legation policy check -f mesh.yaml -f payments.yaml --json"],
  options: {
    files: filesOption,
    json: option.boolean({ description: "Print JSON for programs instead", default: false, flag: "--json" }),
  },
  async answer({ files = [] }) {
    const read = readFiles(files);
    const { documents, problems } = parsePolicyFiles(read);
    const json = { documents: documents.map(documentKey), problems };
    if (problems.length > 0) return { json, text: `${problems.join("\n")}\n`, code: exitCode.failed };
    return { json, text: `${documents.length} documents in ${read.length} files are right.\n` };
  },
});
