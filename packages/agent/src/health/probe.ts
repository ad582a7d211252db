/** What every kind of check does: a single look at the application, that can be given up. */
import type { HealthDocument } from "./document.js";
import type { Outcome } from "./verdict.js";

/** What one look found. */
export interface ProbeResult {
  readonly outcome: Outcome;
  /** The cause in stable text: equal for equal causes, at most `longestMessage` characters. */
  readonly message: string;
  /** What the application said, for people; cut to `longestOutput` characters. */
  readonly output?: string;
  /** The service's own health document, if it gave one. */
  readonly document?: HealthDocument;
}

/** A look under way. */
export interface Look {
  /** Never rejects. Settles once the look holds nothing any more: no connection in use, no process. */
  readonly result: Promise<ProbeResult>;
  /** Gives the look up; `result` then settles as soon as it can, and what it says is of no interest. */
  cancel(): void;
}

/** One kind of check of one target. */
export interface Probe {
  readonly kind: "http" | "tcp" | "grpc" | "command";
  /** What is looked at, for people: "GET http://127.0.0.1:8080/health". */
  readonly target: string;
  /** Begins a look. It has no time limit of its own: the caller gives it up. */
  look(): Look;
  /** Closes kept connections. */
  close(): void;
}

const longestMessage = 300;
const longestOutput = 256;

/** A result by its cause; `cause` goes on behind the target. */
export function found(target: string, outcome: Outcome, cause: string, output?: string): ProbeResult {
  const message = cut(`${target} ${cause}`, longestMessage);
  const said = output === undefined ? "" : cut(printable(output), longestOutput);
  return said === "" ? { outcome, message } : { outcome, message, output: said };
}

/** The first `length` characters, with an ellipsis where there were more. */
export function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

/** Text from outside without what would garble a log or a page. */
function printable(text: string): string {
  return text
    .slice(0, 4 * longestOutput)
    .replaceAll(/[^\n\P{Cc}]+/gu, " ")
    .trim();
}
