/** `legation policy check`: whether files are right, and what is odd about them, without a control plane or beside what it knows. */
import { documentKey, type Finding, findingText, type PolicyDocument, parsePolicyFiles } from "@legation/mesh/policy/documents";
import { option } from "@legation/runtime/command-line";
import { apiOptions, ask } from "../api.js";
import { createCommand } from "../create-command.js";
import { exitCode } from "../exit-code.js";
import { filesOption, readFiles } from "./files.js";

/** Checks. */
export const { run, page } = createCommand({
  description:
    "Checks policy files as a whole, offline: fields and their values, names, and contradictions. Each problem names file, line, path and fix. " +
    "What is right and odd is told as a warning, and changes no exit code; with --live also what the registry and the policies in force show.",
  examples: [
    "legation policy check -f policies/",
    "legation policy check -f mesh.yaml -f payments.yaml --json",
    "legation policy check -f orders.yaml --live",
  ],
  options: {
    files: filesOption,
    live: option.boolean({ description: "Ask a control plane for what is odd beside the registry", default: false, flag: "--live" }),
    ...apiOptions,
  },
  async answer(values) {
    const { files = [], live } = values;
    const read = readFiles(files);
    const { documents, problems } = parsePolicyFiles(read);
    const json = { documents: documents.map(documentKey), problems };
    if (problems.length > 0) return { json: { ...json, warnings: [] }, text: `${problems.join("\n")}\n`, code: exitCode.failed };
    const { warnings } = live
      ? await ask<{ warnings: readonly Finding[] }>(values, {
          method: "POST",
          path: "/api/policies/check",
          body: { documents },
          repeatable: true,
        })
      : { warnings: await lintHere(documents) };
    const told = warnings.map((one) => `${findingText(one)}\n`).join("");
    return { json: { ...json, warnings }, text: `${told}${rightText(documents.length, read.length)}\n` };
  },
});

/** What is odd by the documents alone. */
async function lintHere(documents: readonly PolicyDocument[]): Promise<readonly Finding[]> {
  const { lint, policySet } = await import("@legation/mesh/policy");
  return lint(policySet(documents));
}

function rightText(documents: number, files: number): string {
  const where = files === 1 ? "one file" : `${files} files`;
  return documents === 1 ? `1 document in ${where} is right.` : `${documents} documents in ${where} are right.`;
}
