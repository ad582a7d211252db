/** `legation policy …`: what operators may write, checked, signed, applied and taken back. */
import { LegationError, nearest, wantsHelp } from "@legation/runtime";
import type { Command, Run } from "../command.js";
import { exitCode } from "../exit-code.js";

/** The subcommands, in the order in which `--help` shows them. */
const subcommands: readonly Command[] = [
  { name: "check", summary: "Check policy files, offline", load: () => import("../policy/check.js") },
  { name: "plan", summary: "Show what applying files would change at the proxies", load: () => import("../policy/plan.js") },
  { name: "apply", summary: "Make files, or a signed proposal, live", load: () => import("../policy/apply.js") },
  { name: "withdraw", summary: "End a running canary", load: () => import("../policy/withdraw.js") },
  { name: "delete", summary: "Remove documents", load: () => import("../policy/delete.js") },
  { name: "list", summary: "List what is in force, and what waits for signatures", load: () => import("../policy/list.js") },
  { name: "history", summary: "List the versions", load: () => import("../policy/history.js") },
  { name: "diff", summary: "Compare versions, or files with what is in force", load: () => import("../policy/diff.js") },
  { name: "rollback", summary: "Make an earlier version live again", load: () => import("../policy/rollback.js") },
  { name: "keygen", summary: "Make an operator's key", load: () => import("../policy/keygen.js") },
  { name: "sign", summary: "Sign a proposal", load: () => import("../policy/sign.js") },
  { name: "schema", summary: "Print the JSON Schema, for editors", load: () => import("../policy/schema.js") },
];

/** Finds the subcommand and runs it. */
export const run: Run = async ([first, ...rest], io) => {
  const command = subcommands.find(({ name }) => name === first);
  if (command) return (await command.load()).run(rest, io);
  if (first !== undefined && wantsHelp([first])) {
    const width = Math.max(...subcommands.map(({ name }) => name.length)) + 2;
    const list = subcommands.map(({ name, summary }) => `  ${name.padEnd(width)}${summary}`).join("\n");
    io.stdout.write(
      `Usage: legation policy COMMAND [flags]\n\nSets the mesh's policies: documents in YAML or JSON, kept in Consul's KV by the control\nplanes, or in a directory of files.\n\nCommands:\n${list}\n\nEach command's --help shows its flags.\n`,
    );
    return exitCode.done;
  }
  const names = subcommands.map(({ name }) => name);
  const meant = first === undefined ? undefined : nearest(first, names);
  const fix = meant ? `Did you mean: legation policy ${meant}` : `Write one of ${names.join(", ")}`;
  throw new LegationError(
    "usage",
    `${first === undefined ? "the command behind policy is missing" : `${first} is no command of policy`}. ${fix}`,
  );
};
