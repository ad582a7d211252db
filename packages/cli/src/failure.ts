/** How a failure is told to a person: one clear message; the stack only of what nobody foresaw, or on demand. */
import { inspect } from "node:util";
import { LegationError } from "@legation/runtime/command-line";
import type { Io } from "./command.js";
import { escapeControls } from "./control-characters.js";
import { exitCodeOf } from "./exit-code.js";

/** What the message itself says all of. */
const explained = new Set(["usage", "config"]);

/**
 * Writes what went wrong to stderr behind the command's name, and returns the exit code. A LegationError is its message, with its code and
 * where that is explained (`ERRORS.md`), and the stack besides with LEGATION_DEBUG=1; anything else is a defect and shown with its stack.
 */
export function tell(error: unknown, name: string, io: Io): number {
  const debug = !["", "0", undefined].includes(io.env["LEGATION_DEBUG"]);
  if (error instanceof LegationError) {
    io.stderr.write(escapeControls(`${name}: ${error.message}\n`));
    if (!explained.has(error.code)) io.stderr.write(`Code ${error.code}: explained at /docs/errors of a control plane\n`);
    if (debug) io.stderr.write(escapeControls(`${inspect(error)}\n`));
  } else io.stderr.write(escapeControls(`${name}: this should not have happened; please report it with these lines\n${inspect(error)}\n`));
  return exitCodeOf(error);
}
