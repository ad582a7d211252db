/** Why policies that somebody has put into the store, or into files, are not taken. */
import { LegationError } from "@legation/runtime";

/**
 * `policy.tampered`: what the store holds is not what its hash says, or cannot be read. `policy.missing`: the store lacks something that
 * the bundle names. `policy.unapproved`: guarded documents without the signatures that they need, or with those of an earlier approval.
 * `policy.invalid`: a document is wrong, or contradicts another.
 */
export type RefusalCode = "policy.tampered" | "policy.missing" | "policy.unapproved" | "policy.invalid";

/** A bundle that is not taken; the last good one stays in force. The message says what is wrong, and the fix. */
export class PolicyRefusal extends LegationError {
  declare readonly code: RefusalCode;

  constructor(code: RefusalCode, message: string) {
    super(code, message);
  }
}
