/** `legation maintenance on|off`: an instance that stays out of service until an operator says otherwise. */
import { option } from "@legation/runtime/command-line";
import { agentCommand, drainedText, inServiceText, instanceOperand, wrongWord } from "../agent-command.js";

/** Ends when the instance is drained (on), or when the callers' proxies have it again (off). */
export const { run, page } = agentCommand({
  operands: [{ name: "on|off", values: ["on", "off"] }, instanceOperand],
  description:
    "Holds an instance out of service over restarts of its process, of its agent and of Consul, until the operator ends that. On drains it " +
    "first, so that no request is lost; off puts it back. Consul shows the reason.",
  settings: {
    reason: option.string({ description: "Why, for those who see it in Consul and in the agent's status", flag: "--reason" }),
  },
  timeout: 60_000,
  examples: ['legation maintenance on --reason "new disk"', "legation maintenance off"],
  request({ reason }, [word, id]) {
    if (word !== "on" && word !== "off") return wrongWord(word, "on or off", "legation maintenance on, or legation maintenance off");
    return { path: "/maintenance", body: { enabled: word === "on", ...(reason && word === "on" ? { reason } : {}) }, id };
  },
  say(answer) {
    if (answer.message === undefined) return `in maintenance: ${drainedText(answer)}`;
    return `${answer.already ? "it was not in maintenance; " : ""}${inServiceText(answer)}`;
  },
});
