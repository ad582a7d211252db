/** `legation policy rollback`: the documents of an earlier version into force again. */
import type { ChangeOutcome } from "@legation/control-plane/policies";
import { LegationError } from "@legation/runtime";
import { apiOptions, ask } from "../api.js";
import { changeOptions, replyTo } from "./outcome.js";
import { subcommand } from "./subcommand.js";

/** Rolls back. */
export const run = subcommand({
  name: "rollback",
  words: "VERSION",
  maxWords: 1,
  summary:
    "Makes the documents of an earlier version live again, as a new version, and waits like apply. Where that changes what an Access policy guards, " +
    "it becomes a proposal first.",
  examples: ["legation policy rollback 7 --reason 'errors at payments'"],
  options: { ...changeOptions, ...apiOptions },
  async answer(values, [to], io) {
    const { author = "", reason } = values;
    if (to === undefined) throw new LegationError("usage", 'VERSION is missing. "legation policy history" lists them');
    return replyTo(
      await ask<ChangeOutcome>(values, { method: "POST", path: "/v1/policies/rollback", body: { to, author, reason } }),
      values,
      io,
    );
  },
});
