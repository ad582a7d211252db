/** `legation control-plane`: one replica of the control plane. */
import { runControlPlane } from "@legation/control-plane";
import type { Run } from "../command.js";

/** Runs until it is told to stop. */
export const run: Run = (argv, io) => runControlPlane(argv, io);
