/** The one error class of Legation's processes: a stable code for programs, a sentence that says what to do for people. */

/** An error that a person can act on. Commands print its message alone; the stack only with LEGATION_DEBUG=1. */
export class LegationError extends Error {
  /** Stable and dotted, such as `consul.forbidden`. */
  readonly code: string;

  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "LegationError";
    this.code = code;
  }
}
