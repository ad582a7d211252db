/** `legation drain`: an instance out of service, before it is stopped by somebody else or looked at. */
import { option } from "@legation/runtime/command-line";
import { agentCommand, drainedText } from "../agent-command.js";

/** Asks the agent; with `--wait` it ends when the callers have dropped the instance and nothing is under way. */
export const { run, page } = agentCommand({
  description:
    "Takes an instance out of service: the callers' proxies drop it and acknowledge that, then what is under way ends. The process goes on, " +
    "and the instance stays out until undrain, a stop, or a new agent. With --wait it ends when that is done, as a preStop hook wants it. " +
    "Drained already is done. ID is the instance's, where this machine has several.",
  settings: {
    wait: option.boolean({ description: "End when it is drained, not when it is begun", default: false, flag: "--wait" }),
  },
  timeout: 60_000,
  examples: ["legation drain --wait --timeout 60s", "legation drain orders-1 --wait --json"],
  request: ({ wait }, [id]) => ({ path: "/drain", body: { wait }, id }),
  say: drainedText,
});
