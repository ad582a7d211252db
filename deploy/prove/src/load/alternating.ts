/** Several kinds of requests in one load, in a fixed alternation. */
import type { Sender } from "@legation/local";

/** Sends by each in turn, `share` times in a row: `[[get, 4], [slow, 1]]` makes every fifth request a slow one. */
export function alternating(shares: readonly (readonly [sender: Sender, share: number])[]): Sender {
  const turns = shares.flatMap(([sender, share]) => Array.from({ length: share }, () => sender));
  let turn = 0;
  return {
    async send() {
      const sender = turns[turn++ % turns.length];
      return sender ? sender.send() : { ok: false, reason: "nothing to send" };
    },
    close() {
      for (const [sender] of shares) sender.close();
    },
  };
}
