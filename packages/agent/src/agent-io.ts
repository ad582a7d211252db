/** What the agent's process has of the world: streams, environment, and from them its log and its client of Consul. */
import { type Consul, consulOptionsFromEnv, createConsul } from "@legation/consul";
import { createLogger, type Logger } from "@legation/runtime";
import type { AgentValues } from "./config/options.js";

/** What the process gives the agent; `process` itself fits. */
export interface AgentIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown; readonly writableLength?: number; on?(event: "error", listener: () => void): unknown };
}

/** Bytes of log that wait for a slow reader, before further lines are dropped. */
const unreadLogLimit = 8 * 1024 * 1024;

/** The log of the process. Who reads it may go away or stand still; the service must not notice. */
export function openLog(io: AgentIo, level: string): Logger {
  io.stderr.on?.("error", () => {});
  const destination = {
    write: (line: string) => void ((io.stderr.writableLength ?? 0) < unreadLogLimit && io.stderr.write(line)),
  };
  return createLogger({ name: "agent", level, destination });
}

/** Tells once for each stretch of failures that a state directory cannot be written, and when it can be again. */
export function stateProblems(log: Logger): (problem: string | undefined) => void {
  return (problem) => {
    if (problem === undefined) log.info({ event: "agent.state-written" }, "the state directory can be written again");
    else log.error({ event: "agent.state-unwritten", problem }, `the state directory cannot be written, the service goes on: ${problem}`);
  };
}

/** A client of Consul as the environment and, before it, the configuration say. */
export function openConsul(io: AgentIo, configured: AgentValues["consul"], maxConnections: number): Consul {
  const { address, token, tokenFile, login } = configured;
  const given = Object.entries({ address, token, tokenFile, login }).filter(([, value]) => value !== undefined);
  return createConsul({ ...consulOptionsFromEnv(io.env), maxConnections, ...Object.fromEntries(given) });
}
