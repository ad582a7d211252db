/** `legation policy rollback`: the documents of an earlier version into force again. */
import type { ChangeOutcome } from "@legation/contract/api";
import { apiOptions, ask } from "../api.js";
import { createCommand } from "../create-command.js";
import { changeOptions, replyTo } from "./outcome.js";

/** Rolls back. */
export const { run, page } = createCommand({
  operands: [{ name: "VERSION" }],
  description:
    "Makes the documents of an earlier version live again, as a new version, and waits like apply. Where that changes what an Access policy guards, " +
    "it becomes a proposal first.",
  seeAlso: ["legation policy history"],
  examples: ["legation policy rollback 7 --reason 'errors at payments'"],
  options: { ...changeOptions, ...apiOptions },
  async answer(values, [to], surroundings) {
    const { author = "", reason } = values;
    return replyTo(
      await ask<ChangeOutcome>(values, { method: "POST", path: "/api/policies/rollback", body: { to, author, reason } }),
      values,
      surroundings,
    );
  },
});
