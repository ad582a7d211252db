/** `legation policy apply`: files, or a proposal that has its signatures, into force. */
import type { ChangeOutcome } from "@legation/contract/api";
import { type Finding, findingText } from "@legation/mesh/policy/documents";
import { LegationError, option } from "@legation/runtime/command-line";
import { apiOptions, ask } from "../api.js";
import { createCommand } from "../create-command.js";
import { canaryOptions, canaryTerms, replyToCanary } from "./canary.js";
import { filesOption, readPolicies } from "./files.js";
import { changeOptions, replyTo } from "./outcome.js";
import { planLimit } from "./plan.js";

/** Applies. */
export const { run, page } = createCommand({
  operands: [{ name: "PROPOSAL", optional: true }],
  description:
    "Makes documents live, all of them or none: those of the files are set, the others stay as they are. Waits until every proxy has them. What an " +
    "Access policy guards becomes a proposal first, and is applied by its name once enough operators have signed it.",
  examples: [
    "legation policy apply -f orders.yaml --canary --canary-window 5m --reason 'shorter timeouts'",
    "legation policy apply -f strict.yaml --reason 'the audit asks for it'",
    "legation policy apply 3f2a… --no-wait",
  ],
  options: {
    files: filesOption,
    ...canaryOptions,
    replace: option.boolean({ description: "Remove every document that the files do not hold", default: false, flag: "--replace" }),
    ...changeOptions,
    ...apiOptions,
  },
  async answer(values, [proposal], surroundings) {
    const { files = [], replace, author = "", reason, canary } = values;
    if (proposal !== undefined) {
      if (files.length > 0) throw new LegationError("usage", "give either files with -f or a proposal, and not both");
      if (canary) throw new LegationError("usage", "a proposal goes live as it was signed, without a canary. Leave out --canary");
      const outcome = await ask<ChangeOutcome>(values, {
        method: "POST",
        path: `/api/policies/proposals/${encodeURIComponent(proposal)}/apply`,
      });
      return replyTo(outcome, values, surroundings);
    }
    const body = { documents: readPolicies(files), replace, author, reason, ...(canary ? { canary: canaryTerms(values) } : {}) };
    const outcome = await ask<ChangeOutcome & { readonly warnings?: readonly Finding[] }>(values, {
      method: "POST",
      path: "/api/policies/apply",
      body,
      limitMs: canary ? planLimit : 10_000,
    });
    for (const warning of outcome.warnings ?? []) surroundings.io.stderr.write(`${findingText(warning)}\n`);
    return outcome.state === "canary" ? replyToCanary(outcome, values, surroundings) : replyTo(outcome, values, surroundings);
  },
});
