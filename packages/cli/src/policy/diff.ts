/** `legation policy diff`: what differs between versions, or between files and what is in force. */
import { LegationError } from "@legation/runtime/command-line";
import { apiOptions, ask } from "../api.js";
import { createCommand } from "../create-command.js";
import { changesText, type DocumentChange } from "./changes-text.js";
import { filesOption, readPolicies } from "./files.js";

/** Compares. */
export const { run, page } = createCommand({
  operands: [
    { name: "FROM", optional: true },
    { name: "TO", optional: true },
  ],
  description: "Shows what differs from version FROM to version TO, or to what is in force; with -f, what applying the files would change.",
  examples: ["legation policy diff 3 5", "legation policy diff -f strict.yaml"],
  options: { files: filesOption, ...apiOptions },
  async answer(values, [from, to]) {
    const { files = [] } = values;
    if ((from === undefined) === (files.length === 0))
      throw new LegationError("usage", "give either a version or files: legation policy diff 3, or legation policy diff -f FILE");
    const query = new URLSearchParams({ from: from ?? "", ...(to === undefined ? {} : { to }) });
    const answer =
      from === undefined
        ? await ask<{ changes: DocumentChange[] }>(values, {
            method: "POST",
            path: "/api/policies/apply",
            body: { documents: readPolicies(files), dryRun: true },
            repeatable: true,
          })
        : await ask<{ changes: DocumentChange[] }>(values, { path: `/api/policies/diff?${query}` });
    return { json: answer, text: changesText(answer.changes) };
  },
});
