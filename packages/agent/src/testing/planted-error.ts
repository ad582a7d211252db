/** An error in the agent itself that nothing handles, planted into its process and set off by a signal. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** The signal that sets it off: the first time as an exception, then as a rejection. */
export const plantedSignal = "SIGWINCH";

/**
 * The variables with which a Node process has the error in it: as the doing of whoever writes a file whose path contains `writer`, once that
 * was done, and as nobody's before. The code for it is written into `directory`.
 */
export function plantError(directory: string, writer: string): Readonly<Record<string, string>> {
  const path = join(directory, "planted.mjs");
  writeFileSync(path, code(writer));
  return { NODE_OPTIONS: `--import=${path}` };
}

const code = (writer: string): string => `
import { AsyncResource } from "node:async_hooks";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
let times = 0;
const fail = () => {
  times += 1;
  if (times === 1) throw new Error("planted exception");
  void Promise.reject(new Error("planted rejection"));
};
let setOff = () => setTimeout(fail);
const { writeFileSync } = fs;
fs.writeFileSync = (path, ...rest) => {
  if (String(path).includes(${JSON.stringify(writer)})) setOff = AsyncResource.bind(() => setTimeout(fail));
  return writeFileSync(path, ...rest);
};
syncBuiltinESMExports();
if (process.execArgv.includes("-e")) process.on(${JSON.stringify(plantedSignal)}, () => setOff());
`;
