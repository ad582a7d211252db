/** The one error class that Legation shows to people: a stable code for programs, a message that says what is wrong and how to fix it. */

/** An expected failure. `code` is stable and dotted (`consul.unreachable`); `message` stands by itself, without the stack. */
export class LegationError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "LegationError";
    this.code = code;
  }
}

/** The message of anything that was thrown; for an error without a message, its code or its causes. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && !error.message) return error.errors.map(messageOf).join("; ");
  if (!(error instanceof Error)) return String(error);
  return error.message || codeOf(error) || error.name;
}

/** The `code` of anything that was thrown: Node's (`ECONNREFUSED`) or a LegationError's. Undefined where there is none. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
