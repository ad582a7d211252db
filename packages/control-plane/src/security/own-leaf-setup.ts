/** This replica's own certificate with its file: what an earlier start had counts until Consul has issued another. */
import type { Lifecycle } from "@legation/runtime";
import { createOwnLeafFile, readOwnLeaf } from "../state/own-leaf-file.js";
import { createOwnLeaf, type OwnLeaf, type OwnLeafParts } from "./own-leaf.js";

/** Makes it; it ends with the lifecycle. */
export async function createOwnLeafSetup({
  stateDir,
  datacenter,
  lifecycle,
  ...o
}: Omit<OwnLeafParts, "kept" | "keep"> & {
  readonly stateDir: string;
  readonly datacenter: string | undefined;
  readonly lifecycle: Lifecycle;
}): Promise<OwnLeaf> {
  const { clock, log } = o;
  const file = createOwnLeafFile(stateDir, log);
  lifecycle.onStop("kept certificate", 2_000, () => file.stop());
  const leaf = createOwnLeaf({ ...o, kept: await readOwnLeaf(stateDir, { datacenter, clock, log }), keep: (kept) => file.save(kept) });
  lifecycle.onStop("certificate", 1_000, () => leaf.stop());
  return leaf;
}
