/** As long as an instance is out, the control planes are told again: a notice lapses there where Consul shows nothing, and Consul may be down. */
import { leavingLimit } from "@legation/contract";
import type { Clock } from "@legation/runtime";
import type { AskProof } from "./acknowledgement.js";
import { pause } from "./step.js";

/** See the file's sentence. */
export interface Renewal {
  /** From now on the instance is out; nothing when it was. */
  begin(): void;
  /** It comes back: resolves when nothing of this is under way any more, so that no notice of leaving comes after that of arriving. */
  end(): Promise<void>;
}

const everyMs = leavingLimit / 3;
const answerMs = 5_000;

/** Creates it; `ask` gives undefined while there is nobody to tell, or nothing to be told of. */
export function createRenewal(ask: () => AskProof | undefined, clock: Clock): Renewal {
  let over: AbortController | undefined;
  let working: Promise<void> = Promise.resolve();

  const renew = async (signal: AbortSignal): Promise<void> => {
    while (await pause(clock, everyMs, signal)) await ask()?.(answerMs, signal).catch(() => undefined);
  };

  return {
    begin() {
      if (over) return;
      over = new AbortController();
      working = renew(over.signal);
    },
    async end() {
      over?.abort();
      over = undefined;
      await working;
    },
  };
}
