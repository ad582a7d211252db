/** `legation completion candidates -- <words>`: what the shells' scripts ask. */
import type { Page } from "@legation/runtime/command-line";
import type { Run } from "../command.js";
import { commands } from "../commands.js";
import { escapeControls } from "../control-characters.js";
import { exitCode } from "../exit-code.js";
import { candidates } from "./candidates.js";
import { meshNames } from "./mesh-names.js";
import { directives } from "./scripts.js";

/** Its manual page. */
export const page: Page = {
  description:
    "Prints what can stand in the place of the last WORD, one in a line with what it is behind a tab; :file and :directory leave it to the shell. A control plane that does not answer within 300 ms is not waited for. The scripts for the shells ask this.",
  synopsis: ["legation completion candidates -- [WORD…]"],
  operands: [{ name: "WORD", optional: true, repeated: true }],
  options: {},
  exitStatus: { 0: "Always." },
  examples: ["legation completion candidates -- policy ap"],
};

/** Prints them; whatever goes wrong, a shell gets nothing rather than a message. */
export const run: Run = async (argv, io) => {
  const words = argv[0] === "--" ? argv.slice(1) : argv;
  const found = await candidates(words, commands, meshNames(words, io)).catch(() => undefined);
  const lines = (found?.words ?? []).map(({ word, about }) => `${word}\t${about}`);
  if (found?.files) lines.push(directives[found.files]);
  for (const line of lines) if (escapeControls(line.replace("\t", "")) === line.replace("\t", "")) io.stdout.write(`${line}\n`);
  return exitCode.done;
};
