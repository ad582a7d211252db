/** `legation completion …`: the command line completes itself in bash, zsh and fish. */
import type { Page } from "@legation/runtime/command-line";
import type { Command, CommandModule } from "../command.js";
import type { Shell } from "../completion/scripts.js";

/** What `legation completion --help` says above the commands. */
export const page: Page = {
  description:
    "Prints a script that lets a shell complete commands, flags and their values, and the names of services and instances, which a control plane (LEGATION_API, or --api on the line) is asked for.",
  options: {},
  examples: ["source <(legation completion bash)", "legation completion fish > ~/.config/fish/completions/legation.fish"],
};

const script = (shell: Shell) => async (): Promise<CommandModule> => (await import("../completion/script-command.js")).scriptCommand(shell);

/** One for each shell, and what their scripts ask. */
export const commands: readonly Command[] = [
  { name: "bash", summary: "Print the script for bash", load: script("bash") },
  { name: "zsh", summary: "Print the script for zsh", load: script("zsh") },
  { name: "fish", summary: "Print the script for fish", load: script("fish") },
  {
    name: "candidates",
    summary: "List what can stand at the end of a command line",
    load: () => import("../completion/candidates-command.js"),
  },
];
