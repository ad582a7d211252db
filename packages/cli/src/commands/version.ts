/** `legation version`: which Legation this is, and which Node runs it. */
import { readFileSync } from "node:fs";
import { LegationError } from "@legation/runtime";
import type { Run } from "../command.js";

/** Prints one line. Throws a LegationError with code "usage" for any argument. */
export const run: Run = async (argv, io) => {
  const [word] = argv.filter((argument) => argument !== "--help" && argument !== "-h");
  if (word !== undefined)
    throw new LegationError("usage", `${JSON.stringify(word)} is too much: there is nothing to choose. Write: legation version`);
  if (argv.length > 0) io.stdout.write("Prints the version of Legation and of Node.\n\nUsage: legation version\n");
  else {
    const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string };
    io.stdout.write(`legation ${version} (node ${process.versions.node})\n`);
  }
  return 0;
};
