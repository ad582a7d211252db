/** Reads the configuration again while the service runs: what can change does, what waits for a restart is named, a wrong file changes nothing. */
import { LegationError } from "@legation/runtime";
import { type Changes, changesBetween } from "./config/change.js";
import type { AgentConfig } from "./config/definition.js";
import type { Instance } from "./instance.js";

/** The configuration as it is read again. */
export interface Reread {
  /** With what only a new agent can change as it was. */
  readonly config: AgentConfig;
  /** Everything as it is written now. */
  readonly written: AgentConfig["values"];
  /** As `--print-config` writes it. */
  readonly printed: string;
}

/** What came of it. */
export type Reloaded =
  | { readonly ok: true; readonly changes: Changes }
  /** Names file, path and fix. Nothing has changed. */
  | { readonly ok: false; readonly problem: string };

/** What a reload takes. */
export interface ReloadOptions {
  readonly instance: Instance;
  /** Throws a LegationError for a configuration that is wrong. */
  readonly reread: (before: AgentConfig) => Reread;
  /** Prepares what follows from a configuration; throws a LegationError when it cannot be. The result puts it into effect and throws nothing. */
  readonly prepare: (reread: Reread, changes: Changes) => () => void;
  readonly cause: string;
}

/** Does it; never throws for a wrong configuration. */
export function reload({ instance, reread, prepare, cause }: ReloadOptions): Reloaded {
  const { log } = instance;
  try {
    const next = reread(instance.config);
    const changes = changesBetween(instance.config.values, next.written);
    prepare(next, changes)();
    log.info({ event: "agent.reloaded", cause, ...changes }, `${cause}: ${inWords(changes)}`);
    return { ok: true, changes };
  } catch (error) {
    if (!(error instanceof LegationError)) throw error;
    const problem = error.message;
    log.error({ event: "agent.reload-failed", cause, problem }, `${cause}: the configuration is wrong and nothing has changed: ${problem}`);
    return { ok: false, problem };
  }
}

function inWords({ now, service, agent }: Changes): string {
  const parts = [
    ...(now.length > 0 ? [`in effect: ${now.join(", ")}`] : []),
    ...(service.length > 0 ? [`with the next restart of the service: ${service.join(", ")}`] : []),
    ...(agent.length > 0 ? [`with the next start of the agent: ${agent.join(", ")}`] : []),
  ];
  return parts.length > 0 ? parts.join("; ") : "the configuration has not changed";
}
