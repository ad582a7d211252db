/** `legation agent`: the sidecar of one service instance. */
import { catchSignals } from "@legation/agent/signals";
import type { Page } from "@legation/runtime/command-line";
import type { Run } from "../command.js";
import { beLean } from "../lean.js";

/** What its help says: of one instance, or with `--all` of many. */
export async function page(argv: readonly string[]): Promise<Page> {
  const { agentPage } = await import("@legation/agent/manual");
  return await agentPage(argv);
}

/** Runs until the instance has left. */
export const run: Run = async (argv, io) => {
  // Before the agent's own code is loaded: a SIGTERM must not end this process while the service of the agent before it goes on.
  const signals = catchSignals();
  beLean();
  const { runAgent } = await import("@legation/agent");
  return await runAgent(argv, io, signals);
};
