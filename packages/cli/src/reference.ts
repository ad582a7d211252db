/** The reference of the command line: every command's manual page, as `--help` prints it. */
import { helpText } from "@legation/runtime/command-line";
import type { Command } from "./command.js";
import { type FoundCommand, findCommand, pageOf } from "./find-command.js";
import { help } from "./help.js";

/** Every command and those below it, in the list's order, each with its code loaded. */
export async function everyCommand(commands: readonly Command[]): Promise<readonly FoundCommand[]> {
  const found: FoundCommand[] = [];
  const walk = async (path: readonly string[], below: readonly Command[]): Promise<void> => {
    for (const { name } of below) {
      const one = await findCommand([...path, name], commands);
      found.push(one);
      await walk([...path, name], one.module.commands ?? []);
    }
  };
  await walk([], commands);
  return found;
}

/** The reference as Markdown. */
export async function reference(commands: readonly Command[]): Promise<string> {
  const pages: string[] = [];
  for (const found of await everyCommand(commands)) {
    const page = await pageOf(found);
    if (page) pages.push(`## ${found.name}\n\n\`\`\`text\n${helpText(page, found)}\`\`\`\n`);
  }
  return `# The command line\n\nWhat \`--help\` prints of each command.\n\n\`\`\`text\n${help(commands)}\`\`\`\n\n${pages.join("\n")}`;
}
