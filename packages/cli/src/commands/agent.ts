/** `legation agent`: the sidecar of one service instance. */
import type { Run } from "../command.js";
import { beLean } from "../lean.js";

/** Runs until the instance has left. */
export const run: Run = async (argv, io) => {
  beLean();
  const { runAgent } = await import("@legation/agent");
  return await runAgent(argv, io);
};
