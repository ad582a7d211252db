/** `legation agent`: the sidecar of one service instance. */
import { runAgent } from "@legation/agent";
import type { Run } from "../command.js";

/** Runs until the instance has left. */
export const run: Run = (argv, io) => runAgent(argv, io);
