/** `legation policy keygen`: a key for an operator. */
import { writeFileSync } from "node:fs";
import { basename, extname } from "node:path";
import { createOperatorKey } from "@legation/control-plane/policies";
import { LegationError, messageOf, option } from "@legation/runtime/command-line";
import { createCommand } from "../create-command.js";

/** The name of the operator whose key a file holds, unless they say another one. */
export function nameOfKeyFile(path: string): string {
  return basename(path, extname(path));
}

/** Makes a key. */
export const { run, page } = createCommand({
  operands: [{ name: "FILE", values: "file" }],
  description:
    "Makes an operator's Ed25519 key: the private part goes into FILE (0600, never overwritten), the public part is printed as the line that belongs " +
    "into the file of --approval-keys of every control plane.",
  examples: ["legation policy keygen alice.key"],
  options: { json: option.boolean({ description: "Print JSON for programs instead", default: false, flag: "--json" }) },
  async answer(_values, [path = ""]) {
    const { privatePem, publicKey } = createOperatorKey();
    try {
      writeFileSync(path, privatePem, { mode: 0o600, flag: "wx" });
    } catch (error) {
      throw new LegationError("usage", `${path} cannot be written: ${messageOf(error)}. Name a file that does not exist yet`);
    }
    const name = nameOfKeyFile(path);
    return { json: { name, publicKey, file: path }, text: `key ${name} ${publicKey}\n` };
  },
});
