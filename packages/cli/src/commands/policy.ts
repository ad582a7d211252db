/** `legation policy …`: what operators may write, checked, signed, applied and taken back. */
import type { Page } from "@legation/runtime/command-line";
import type { Command } from "../command.js";

/** What `legation policy --help` says above the commands. */
export const page: Page = {
  description:
    "Sets the mesh's policies: documents in YAML or JSON, kept in Consul's KV by the control planes, or in a directory of files. Each command's --help shows its flags.",
  options: {},
  examples: ["legation policy check -f policies/", "legation policy apply -f orders.yaml --reason 'shorter timeouts'"],
};

/** The commands, in the order in which `--help` shows them. */
export const commands: readonly Command[] = [
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
