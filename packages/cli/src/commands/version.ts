/** `legation version`: which Legation this is, and which Node runs it. */
import { readFileSync } from "node:fs";
import { option } from "@legation/runtime/command-line";
import { createCommand } from "../create-command.js";

/** Prints one line. */
export const { run, page } = createCommand({
  description: "Prints the version of Legation and of Node.",
  options: { json: option.boolean({ description: "Print JSON for programs instead", default: false, flag: "--json" }) },
  examples: ["legation version"],
  async answer() {
    const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string };
    const node = process.versions.node;
    return { json: { version, node }, text: `legation ${version} (node ${node})\n` };
  },
});
