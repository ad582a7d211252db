/** One service of a fleet: its agent, begun again when it could not begin, and never a trouble to the others. */
import { type Clock, createBackoff, type Logger, messageOf } from "@legation/runtime";
import type { Agent } from "../agent.js";
import { changesBetween } from "../config/change.js";
import { crashCode } from "../crash.js";
import type { Instance } from "../instance.js";
import type { PlannedService } from "./plan.js";

/** What a member needs. */
export interface MemberOptions {
  readonly planned: PlannedService;
  /** Makes its agent; rejects when that cannot be (the state directory is held, no port is free). */
  readonly open: (planned: PlannedService) => Promise<Agent>;
  /** Runs what its agent does, so that it is known as this member's doing. */
  readonly within: <T>(work: () => T) => T;
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
  /** Nothing has handled an error of its agent: service and Envoy go on, and a new agent adopts them. One that is leaving has not long for it any more. */
  crash(error: unknown): void;
}

const firstRetryMs = 1_000;
const longestRetryMs = 30_000;
/** Of a broken agent nothing can be sure to end. */
const crashLimitMs = 5_000;
/** A crash so long after the one before is the first again. */
const calmMs = 60_000;

/** Creates a member; nothing happens before `begin`. */
export function createMember(options: MemberOptions): Member {
  const { open, within, clock, log, changed } = options;
  let { planned } = options;
  const stopping = new AbortController();
  let agent: Agent | undefined;
  let problem: string | undefined;
  let opening: Promise<void> = Promise.resolve();
  /** Its agent has crashed, and no other one has been made since. */
  let lost = false;
  let renewing: Promise<void> = Promise.resolve();
  /** The new agent that a lost one needs only to leave. */
  let adopting: Promise<void> = Promise.resolve();
  let lastCrash = Number.NEGATIVE_INFINITY;
  const crashes = createBackoff({ base: firstRetryMs, max: longestRetryMs });
  let giveUp: (code: number) => void = () => {};
  const givenUp = new Promise<number>((resolve) => {
    giveUp = resolve;
  });
  /** The run that counts: one before it may still wait for the agent that has crashed. */
  let newest = 0;

  const openOnce = async (): Promise<Agent> => {
    const opened = open(planned);
    opening = opened.then(
      () => {},
      () => {},
    );
    agent = await opened;
    return agent;
  };

  const adopt = async (): Promise<void> => {
    lost = false;
    const adopter = await within(openOnce);
    within(() => adopter.begin()).catch(() => undefined);
  };

  const run = async (): Promise<void> => {
    const mine = ++newest;
    const backoff = createBackoff({ base: firstRetryMs, max: longestRetryMs });
    while (!stopping.signal.aborted) {
      try {
        const begun = await openOnce();
        lost = false;
        problem = undefined;
        if (!stopping.signal.aborted) await begun.begin();
        return;
      } catch (error) {
        if (mine !== newest) return;
        agent = undefined;
        problem = messageOf(error);
        const waitMs = backoff.next();
        log.error({ event: "fleet.begin-failed", problem, waitMs }, `it could not begin, and is tried again in ${waitMs} ms: ${problem}`);
        changed();
        await clock.sleep(waitMs, stopping.signal).catch(() => undefined);
      }
    }
  };

  const letGoOf = async (broken: Agent): Promise<void> => {
    newest += 1;
    lost = true;
    await Promise.race([within(() => broken.letGo("it has crashed")).catch(() => undefined), clock.sleep(crashLimitMs)]);
    broken.instance.stateDir.close();
    agent = undefined;
    changed();
  };

  /** No wait after the first crash: without its heartbeat an instance is soon out of service. */
  const waitAfterCrash = (): number => {
    const now = clock.monotonic();
    if (now - lastCrash > calmMs) crashes.reset();
    lastCrash = now;
    const waitMs = crashes.next();
    return crashes.attempts === 1 ? 0 : waitMs;
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
      const { reload } = agent;
      if (within(() => reload("its file has changed"))?.ok) return true;
      planned = before;
      return false;
    },
    begin: () => void within(run),
    async stop(cause) {
      stopping.abort();
      await renewing;
      if (lost) adopting = adopt();
      await adopting;
      await opening;
      return await Promise.race([within(() => agent?.stop(cause)) ?? 0, givenUp]);
    },
    async letGo(cause) {
      stopping.abort();
      await renewing;
      await opening;
      await within(() => agent?.letGo(cause));
    },
    crash(error) {
      log.fatal({ event: "fleet.crashed", error }, "an error in its agent: service and Envoy go on, and a new agent adopts them");
      if (!agent || lost) return;
      problem = messageOf(error);
      if (stopping.signal.aborted) {
        clock.timeout(crashLimitMs, () => giveUp(crashCode));
        return;
      }
      const waitMs = waitAfterCrash();
      renewing = letGoOf(agent);
      void renewing.then(async () => {
        await clock.sleep(waitMs, stopping.signal).catch(() => undefined);
        await within(run);
      });
    },
  };
}
