/** How many requests this instance's Envoy has answered, and how many of them failed: what a change of policies is judged by. */
import type { ReportedAnswers } from "@legation/contract";
import type { Clock, Timer } from "@legation/runtime";
import type { EnvoyAdmin } from "./admin.js";

/** Between two looks; milliseconds. */
export const answeredInterval = 5_000;

/** The counts. */
export interface Answered {
  /** As of the last look; undefined while Envoy has not told them. */
  counts(): ReportedAnswers | undefined;
  stop(): void;
}

/** Looks from now on at whatever Envoy there is. */
export function createAnswered(o: { readonly admin: () => Pick<EnvoyAdmin, "answered"> | undefined; readonly clock: Clock }): Answered {
  let counts: ReportedAnswers | undefined;
  let stopped = false;
  let timer: Timer | undefined;

  async function look(): Promise<void> {
    counts = await o.admin()?.answered();
  }

  function arm(): void {
    if (stopped) return;
    timer = o.clock.timeout(answeredInterval, () => void look().then(arm, arm));
  }

  arm();
  return {
    counts: () => counts,
    stop() {
      stopped = true;
      timer?.cancel();
    },
  };
}
