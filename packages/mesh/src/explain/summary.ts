/** What would answer, in one sentence. */
import type { ExplainedOutcome } from "@legation/contract/api";
import { percent } from "./way.js";

/** Instances named in the sentence, at most. */
const mostNamed = 3;

/** The sentence; `outcomes` are sorted, the most likely first. */
export function summaryOf(outcomes: readonly ExplainedOutcome[]): string {
  const answers = outcomes.filter(({ by }) => by === "instance");
  const others = outcomes.filter(({ by }) => by !== "instance");
  const parts: string[] = [];
  const sum = (list: readonly ExplainedOutcome[]) => list.reduce((total, { share }) => total + share, 0);
  const [only] = answers;
  const names = [...new Set(answers.map(({ instance, service }) => instance ?? `an instance of ${service}`))];
  if (only) {
    const named =
      names.length > mostNamed ? `${names.slice(0, mostNamed).join(", ")} or ${names.length - mostNamed} more` : names.join(" or ");
    const share = sum(answers);
    parts.push(`${named} answers${share < 1 - 1e-9 ? ` ${percent(share)}` : ""}`);
  }
  const refusals = new Map<string, { share: number; why: string }>();
  for (const { status = 0, flags, location, grpcStatus, share, why } of others) {
    const code = status === 0 ? "the connection is closed" : grpcStatus === undefined ? String(status) : `gRPC status ${grpcStatus}`;
    const words = `${code}${flags.length > 0 ? ` (${flags.join(", ")})` : ""}${location === undefined ? "" : ` to ${location}`}`;
    refusals.set(words, { share: share + (refusals.get(words)?.share ?? 0), why });
  }
  for (const [words, { share, why }] of refusals) parts.push(`${words}${share < 1 - 1e-9 ? ` for ${percent(share)}` : ""}: ${why}`);
  return parts.join("; ");
}
