/** One service of a fleet: its agent, begun again when it could not begin, and never a trouble to the others. */
import { type Clock, createBackoff, type Logger, messageOf } from "@legation/runtime";
import type { Agent } from "../agent.js";
import { changesBetween } from "../config/change.js";
import type { Instance } from "../instance.js";
import type { PlannedService } from "./plan.js";

/** What a member needs. */
export interface MemberOptions {
  readonly planned: PlannedService;
  /** Makes its agent; rejects when that cannot be (the state directory is held, no port is free). */
  readonly open: (planned: PlannedService) => Promise<Agent>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly changed: () => void;
}

/** See the file's sentence. */
export interface Member {
  readonly planned: PlannedService;
  /** Undefined until its agent could be made. */
  readonly instance: Instance | undefined;
  /** Why it could not begin. */
  readonly problem: string | undefined;
  /** Takes up a definition whose changes need no new start; false when it has to leave and begin instead. */
  take(next: PlannedService): boolean;
  /** Goes through the start order, and tries again with back-off where that is not possible. */
  begin(): void;
  /** Leaves in the stop order and resolves to the exit code; a second call hurries the first. */
  stop(cause: string): Promise<number>;
  /** Ends the agent's part alone: service and Envoy go on for the next agent. */
  letGo(cause: string): Promise<void>;
}

const firstRetryMs = 1_000;
const longestRetryMs = 30_000;

/** Creates a member; nothing happens before `begin`. */
export function createMember(options: MemberOptions): Member {
  const { open, clock, log, changed } = options;
  let { planned } = options;
  const stopping = new AbortController();
  let agent: Agent | undefined;
  let problem: string | undefined;
  let opening: Promise<void> = Promise.resolve();

  const openOnce = async (): Promise<Agent> => {
    agent = await open(planned);
    return agent;
  };

  const run = async (): Promise<void> => {
    const backoff = createBackoff({ base: firstRetryMs, max: longestRetryMs });
    while (!stopping.signal.aborted) {
      try {
        const opened = openOnce();
        opening = opened.then(
          () => {},
          () => {},
        );
        const begun = await opened;
        problem = undefined;
        if (!stopping.signal.aborted) await begun.begin();
        return;
      } catch (error) {
        agent = undefined;
        problem = messageOf(error);
        const waitMs = backoff.next();
        log.error({ event: "fleet.begin-failed", problem, waitMs }, `it could not begin, and is tried again in ${waitMs} ms: ${problem}`);
        changed();
        await clock.sleep(waitMs, stopping.signal).catch(() => undefined);
      }
    }
  };

  return {
    get planned() {
      return planned;
    },
    get instance() {
      return agent?.instance;
    },
    get problem() {
      return problem;
    },
    take(next) {
      const { agent: later, service } = changesBetween(planned.config.values, next.config.values);
      if (!agent || later.length > 0 || service.length > 0) return false;
      const before = planned;
      planned = next;
      if (agent.reload("its file has changed")?.ok) return true;
      planned = before;
      return false;
    },
    begin: () => void run(),
    async stop(cause) {
      stopping.abort();
      await opening;
      return (await agent?.stop(cause)) ?? 0;
    },
    async letGo(cause) {
      stopping.abort();
      await opening;
      await agent?.letGo(cause);
    },
  };
}
