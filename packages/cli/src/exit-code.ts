/** The exit codes of `legation`, for scripts. A process that is stopped by force exits with 128 + the signal's number besides. */
export const exitCode = {
  /** Done. For `agent`: stopped as asked, without a service's process of its own. */
  done: 0,
  /** It failed; the message on stderr says why. */
  failed: 1,
  /** The command line or the configuration is wrong; nothing was done. */
  usage: 2,
  /** No control plane answers, or the agent does not. */
  unreachable: 3,
  /** What was asked for is under way, and was not over in the time given. */
  pending: 4,
  /** The control plane does not permit it: the token is missing, unknown or lacks a rule, which the message names. */
  denied: 5,
} as const;

const usageCodes = ["config", "usage"];
const unreachableCodes = ["api.unreachable", "agent.unreachable"];
const pendingCodes = ["agent.pending", "api.unanswered"];
const deniedCodes = ["api.denied"];

/** The exit code for an error, by its own `code`. */
export function exitCodeOf(error: unknown): number {
  const code = typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
  if (usageCodes.includes(code)) return exitCode.usage;
  if (pendingCodes.includes(code)) return exitCode.pending;
  if (deniedCodes.includes(code)) return exitCode.denied;
  return unreachableCodes.includes(code) ? exitCode.unreachable : exitCode.failed;
}
