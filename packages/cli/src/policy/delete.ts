/** `legation policy delete`: documents out of force. */
import type { ChangeOutcome } from "@legation/control-plane/policies";
import { LegationError } from "@legation/runtime";
import { apiOptions, ask } from "../api.js";
import { changeOptions, replyTo } from "./outcome.js";
import { subcommand } from "./subcommand.js";

/** Deletes. */
export const run = subcommand({
  name: "delete",
  words: "KIND/NAME…",
  maxWords: 1_000,
  summary: "Removes documents, all of them or none, and waits like apply. What an Access policy guards becomes a proposal first.",
  examples: ["legation policy delete Identity/payments --reason 'as the mesh has it'"],
  options: { ...changeOptions, ...apiOptions },
  async answer(values, remove, io) {
    const { author = "", reason } = values;
    if (remove.length === 0) throw new LegationError("usage", "KIND/NAME is missing. Write: legation policy delete Identity/mesh");
    return replyTo(
      await ask<ChangeOutcome>(values, { method: "POST", path: "/v1/policies/apply", body: { remove, author, reason } }),
      values,
      io,
    );
  },
});
