/** `legation version`: which Legation this is, and which Node runs it. */
import { readFileSync } from "node:fs";
import type { Run } from "../command.js";

/** Prints one line. */
export const run: Run = async (argv, io) => {
  if (argv.includes("--help") || argv.includes("-h"))
    io.stdout.write("Prints the version of Legation and of Node.\n\nUsage: legation version\n");
  else {
    const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string };
    io.stdout.write(`legation ${version} (node ${process.versions.node})\n`);
  }
  return 0;
};
