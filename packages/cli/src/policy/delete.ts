/** `legation policy delete`: documents out of force. */
import type { ChangeOutcome } from "@legation/contract/api";
import { apiOptions, ask } from "../api.js";
import { createCommand } from "../create-command.js";
import { changeOptions, replyTo } from "./outcome.js";

/** Deletes. */
export const { run, page } = createCommand({
  operands: [{ name: "KIND/NAME", repeated: true }],
  description: "Removes documents, all of them or none, and waits like apply. What an Access policy guards becomes a proposal first.",
  examples: ["legation policy delete Identity/payments --reason 'as the mesh has it'"],
  options: { ...changeOptions, ...apiOptions },
  async answer(values, remove, surroundings) {
    const { author = "", reason } = values;
    return replyTo(
      await ask<ChangeOutcome>(values, { method: "POST", path: "/api/policies/apply", body: { remove, author, reason } }),
      values,
      surroundings,
    );
  },
});
