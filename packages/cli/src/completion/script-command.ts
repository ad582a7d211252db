/** `legation completion bash|zsh|fish`: prints the script of one shell. */
import { option } from "@legation/runtime/command-line";
import { type Created, createCommand } from "../create-command.js";
import { type Shell, scripts } from "./scripts.js";

/** Makes the command of a shell. */
export function scriptCommand(shell: Shell): Created {
  const { text, install } = scripts[shell];
  return createCommand({
    description: `Prints the script by which ${shell} completes the command line of legation: commands, flags, their values, and the names of services and instances, which a control plane is asked for while you type.`,
    options: { json: option.boolean({ description: "Print the script as JSON", default: false, flag: "--json" }) },
    examples: [[install, "For every new shell."]],
    answer: async () => ({ json: { shell, script: text }, text }),
  });
}
