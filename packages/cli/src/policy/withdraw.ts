/** `legation policy withdraw`: a running canary goes back. */
import { option } from "@legation/runtime/command-line";
import { apiOptions, ask } from "../api.js";
import { createCommand } from "../create-command.js";

/** Withdraws. */
export const { run, page } = createCommand({
  description: "Ends the canary that runs: its proxies get what is in force again. The policies in force do not change.",
  examples: ["legation policy withdraw --reason 'the wrong file'"],
  options: { reason: option.string({ description: "Why", default: "", flag: "--reason" }), ...apiOptions },
  async answer(values) {
    const { reason } = values;
    const ended = await ask<{ version: number }>(values, { method: "POST", path: "/api/policies/canary/withdraw", body: { reason } });
    return { json: ended, text: `The canary of version ${ended.version} is withdrawn.\n` };
  },
});
