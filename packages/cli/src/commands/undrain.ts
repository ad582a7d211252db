/** `legation undrain`: a drained instance back into service. */
import { agentCommand, inServiceText } from "../agent-command.js";

/** Ends when the callers' proxies have acknowledged the instance, or have had their time. */
export const { run, page } = agentCommand({
  description:
    "Puts a drained instance back into service, and ends when the callers' proxies have acknowledged it. Cuts a drain under way short. Refused " +
    "while an operator holds the instance in maintenance.",
  settings: {},
  timeout: 60_000,
  examples: ["legation undrain", "legation undrain orders-1 --timeout 30s"],
  request: (_values, [id]) => ({ path: "/undrain", body: {}, id }),
  say: inServiceText,
});
