/** Whether the control planes speak TLS, as each of them says in its registration; the last answer counts while Consul is away. */
import type { Consul } from "@legation/consul";
import { type Clock, createBackoff, type Logger, messageOf } from "@legation/runtime";
import { listControlPlanes } from "../control-planes.js";
import type { StateDir } from "../state-dir.js";

/** What it needs. */
export interface ControlPlaneTlsOptions {
  readonly consul: Pick<Consul, "get">;
  readonly stateDir: Pick<StateDir, "kept" | "keep">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onChange: () => void;
  readonly random?: () => number;
}

/** See the file's sentence. */
export interface ControlPlaneTls {
  /** True when there is a control plane in Consul and all of them speak TLS: an Envoy goes to whichever answers. */
  readonly spoken: boolean;
  /** Resolves when Consul has answered, or could not within 2 s; then what the agent before knew counts. */
  begin(): Promise<void>;
  stop(): void;
}

/** Between two looks once the answer is yes, and at most before. */
const everyMs = 60_000;

/** Creates it; nothing is asked before `begin`. */
export function createControlPlaneTls(options: ControlPlaneTlsOptions): ControlPlaneTls {
  const { consul, stateDir, clock, log, onChange, random = Math.random } = options;
  const ending = new AbortController();
  const { signal } = ending;
  const backoff = createBackoff({ base: 1_000, max: everyMs, random });
  let problem: string | undefined;

  const spoken = (): boolean => stateDir.kept.controlPlaneTls ?? false;

  const look = async (): Promise<void> => {
    try {
      const listed = await listControlPlanes(consul, signal);
      problem = undefined;
      if (signal.aborted || listed.length === 0) return;
      const controlPlaneTls = listed.every(({ servesTls }) => servesTls);
      if (controlPlaneTls === spoken()) return;
      stateDir.keep({ controlPlaneTls });
      log.info(
        { event: "identity.control-plane-tls", spoken: controlPlaneTls },
        `the control planes speak ${controlPlaneTls ? "TLS" : "plain text"}`,
      );
      onChange();
    } catch (error) {
      if (signal.aborted) return;
      if (messageOf(error) !== problem)
        log.warn(
          { event: "identity.control-plane-unseen", problem: messageOf(error) },
          `whether the control planes speak TLS is not known: ${messageOf(error)}`,
        );
      problem = messageOf(error);
    }
  };

  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      const wait = spoken() && problem === undefined ? everyMs * (0.9 + 0.2 * random()) : backoff.next();
      await clock.sleep(wait, signal).catch(() => undefined);
      if (!signal.aborted) await look();
    }
  };

  return {
    get spoken() {
      return spoken();
    },
    async begin() {
      await look();
      void run();
    },
    stop() {
      ending.abort(new Error("the agent ends"));
    },
  };
}
