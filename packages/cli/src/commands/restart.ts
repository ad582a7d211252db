/** `legation restart`: a new process of the service, between a drain and an undrain. */
import { option } from "@legation/runtime/command-line";
import { agentCommand } from "../agent-command.js";

/** Ends when the callers' proxies have the instance again. */
export const { run, page } = agentCommand({
  description:
    "Restarts the process of an instance without losing a request: drain, stop, start, healthy, undrain, acknowledged by the callers' proxies. " +
    "A drained instance stays drained. Refused when the attempts to start it are used up, unless --force gives them back. Needs a second " +
    "instance of the service to take the requests meanwhile.",
  settings: {
    force: option.boolean({
      description: "Start it although its attempts are used up, and count them anew",
      default: false,
      flag: "--force",
    }),
  },
  timeout: 300_000,
  examples: ["legation restart", "legation restart orders-1 --force --timeout 2m"],
  request: ({ force }, [id]) => ({ path: "/restart", body: { force, wait: true }, id }),
  say: ({ message }) => message ?? "restarted",
});
