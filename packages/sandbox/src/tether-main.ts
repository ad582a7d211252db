/**
 * The tether: a tiny process beside the one that starts a mesh. It outlives its starter by the moment that it takes to end every
 * child and to remove the mesh's directory. Its standard input is the rope: when that ends, for whatever reason, it acts.
 */
import { rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { sweep } from "./leftovers.js";
import type { ProcessIdentity } from "./process-identity.js";
import type { TetherLine, TetherResult } from "./tether.js";

const [dir = "", marker = "", keepDir = ""] = process.argv.slice(2);
const children = new Map<number, ProcessIdentity>();

// The starter's terminal and its process group must not end this one first.
for (const name of ["SIGINT", "SIGTERM", "SIGHUP", "SIGPIPE"] as const) process.on(name, () => undefined);
process.stdout.on("error", () => undefined);

const lines = createInterface({ input: process.stdin });
lines.on("line", (text) => {
  const line = JSON.parse(text) as TetherLine;
  if (line.child) children.set(line.child.pid, line.child);
  if (line.gone !== undefined) children.delete(line.gone);
});
lines.on("close", () => void end());
process.stdin.on("error", () => undefined);

async function end(): Promise<void> {
  const result: TetherResult = await sweep({ dir, marker, children: [...children.values()] });
  if (keepDir === "" && dir !== "") rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  process.stdout.write(JSON.stringify(result), () => process.exit(result.survivors.length > 0 ? 1 : 0));
}
