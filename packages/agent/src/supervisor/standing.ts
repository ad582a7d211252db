/** From everything that the agent knows of its instance to what each health check in Consul says. Pure. */
import type { HealthLevel } from "../health/verdict.js";
import type { CheckReport, CheckReports } from "../registrar/registration.js";
import type { Phase } from "./state.js";

/** What the standing is worked out from. */
export interface StandingInput {
  readonly phase: Phase;
  /** The service's process lives, or is somebody else's. */
  readonly alive: boolean;
  /** Inbound traffic goes through Envoy, and why it cannot; undefined when it can or when there is no Envoy. */
  readonly envoyProblem?: string;
  /** Why the service is not there, from the supervisor. */
  readonly reason: string;
  /** Each health check's verdict, by kind. */
  readonly checks: Readonly<Record<string, { readonly level: HealthLevel; readonly message: string; readonly output?: string }>>;
}

/** The report of each check. A service that is not there, or cannot be reached, is critical whatever its checks said last. */
export function standingOf(input: StandingInput): CheckReports {
  const absent = absence(input);
  return Object.fromEntries(
    Object.entries(input.checks).map(([kind, { level, message, output: said }]): [string, CheckReport] => {
      const output = `${level}: ${message}${said === undefined ? "" : `\n${said}`}`;
      if (absent !== undefined) return [kind, { status: "critical", output: absent }];
      switch (level) {
        case "HEALTHY":
          return [kind, { status: "passing", output }];
        case "DEGRADED":
          return [kind, { status: "warning", output }];
        default:
          return [kind, { status: "critical", output }];
      }
    }),
  );
}

function absence({ phase, alive, envoyProblem, reason }: StandingInput): string | undefined {
  if (!alive)
    return phase === "running" || phase === "draining" || phase === "unhealthy" ? "the service has exited" : `${phase}: ${reason}`;
  if (phase === "pending" || phase === "waiting" || phase === "starting" || phase === "stopped" || phase === "failed")
    return `${phase}: ${reason}`;
  return envoyProblem;
}
