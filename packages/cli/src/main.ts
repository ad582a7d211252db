/** The process behind the `legation` command. */
import { systemClock } from "@legation/runtime/command-line";
import type { Io, StopSignal } from "./command.js";
import { legation } from "./legation.js";

// A reader that has seen enough (`legation services | head`) ends the command, and is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

// A log that nobody reads any more stops no service.
process.stderr.on("error", () => {});

const { env, stdout, stderr } = process;
const onSignal: Io["onSignal"] = (listener) => {
  const names: readonly StopSignal[] = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const name of names) process.on(name, listener);
  return () => {
    for (const name of names) process.off(name, listener);
  };
};

const code = await legation(process.argv.slice(2), { env, stdout, stderr, onSignal, clock: systemClock });
// A pipe takes only so much at once: the rest of a long answer waits for its reader.
process.stdout.write("", () => process.exit(code));
