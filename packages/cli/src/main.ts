/** The process behind the `legation` command. */
import { legation } from "./legation.js";

// A reader that has seen enough (`legation services | head`) ends the command, and is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

// A log that nobody reads any more stops no service.
process.stderr.on("error", () => {});

const code = await legation(process.argv.slice(2), process);
// A pipe takes only so much at once: the rest of a long answer waits for its reader.
process.stdout.write("", () => process.exit(code));
