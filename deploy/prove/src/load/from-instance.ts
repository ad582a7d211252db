/** Answers count only from instances: what a proxy says in their place, a refusal among it, is a failure. */
import type { Sender } from "@legation/local";

/** The same sender; an answer in which no instance named itself has failed. */
export function fromInstance(sender: Sender): Sender {
  return {
    async send() {
      const outcome = await sender.send();
      return outcome.ok && outcome.answeredBy.length === 0 ? { ok: false, reason: "answered by no instance" } : outcome;
    },
    close: () => sender.close(),
  };
}
