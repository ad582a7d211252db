/** What the agent tells of its certificate. Nothing in it is secret. */
import type { Validity } from "./schedule.js";

/**
 * `off`: not wanted, or Consul has no CA. `waiting`: there is none yet. `early`: the machine's clock is before its first moment. `expiring`:
 * it should have been renewed by now. `expired`: peers refuse it.
 */
export type IdentityPhase = "off" | "waiting" | Validity;

/** See the file's sentence. Times are RFC 3339. */
export interface IdentityStatus {
  readonly phase: IdentityPhase;
  readonly reason: string;
  /** Why the last question to Consul's CA failed, until one is answered. */
  readonly problem?: string;
  readonly spiffeId?: string;
  readonly serial?: string;
  readonly notBefore?: string;
  readonly notAfter?: string;
  /** Consul's id of the root that the leaf leads to. */
  readonly root?: string;
  /** Where the files are. */
  readonly directory?: string;
  /** Leaves that have taken the place of an earlier one since the agent began. */
  readonly renewals: number;
  /** Questions that failed since the agent began. */
  readonly failures: number;
}
