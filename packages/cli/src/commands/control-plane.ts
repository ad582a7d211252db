/** `legation control-plane`: one replica of the control plane. */
import type { Page } from "@legation/runtime/command-line";
import type { Run } from "../command.js";

/** What its help says. */
export async function page(): Promise<Page> {
  return (await import("@legation/control-plane/manual")).controlPlanePage;
}

/** Runs until it is told to stop. */
export const run: Run = async (argv, io) => {
  const { runControlPlane } = await import("@legation/control-plane");
  return await runControlPlane(argv, io);
};
