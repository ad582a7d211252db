/** How the service's process is started: its command, its place and its variables. */
import { createHash } from "node:crypto";
import { resolve } from "node:path";
import type { AgentConfig } from "../config/definition.js";
import type { Launch } from "./supervisor.js";

/** The addresses that the process is told. */
export interface LaunchAddresses {
  readonly admin: string;
  readonly outbound?: string;
}

/**
 * The launch of the configured command, undefined when there is none. The process gets the agent's environment, `HOST`, `PORT`, `SERVICE_*`,
 * `LEGATION_ADMIN` and `LEGATION_OUTBOUND` (URLs of the agent's API and of Envoy's outbound listener), and on top what the configuration says.
 */
export function launchOf(
  config: AgentConfig,
  env: Readonly<Record<string, string | undefined>>,
  addresses: LaunchAddresses,
  file: (name: string) => string,
): Launch | undefined {
  const { command: argv, cwd, env: own } = config.values;
  if (!argv) return undefined;
  const { service } = config;
  const told = {
    HOST: service.host,
    PORT: String(service.port),
    SERVICE_NAME: service.name,
    SERVICE_ID: service.id,
    ...(service.version ? { SERVICE_VERSION: service.version } : {}),
    LEGATION_ADMIN: `http://${addresses.admin}`,
    ...(addresses.outbound ? { LEGATION_OUTBOUND: `http://${addresses.outbound}` } : {}),
    ...own,
  };
  return {
    argv,
    ...(cwd ? { cwd: resolve(cwd) } : {}),
    env: { ...env, ...told },
    outputPath: file("app.log"),
    recordPath: file("app.json"),
    digest: createHash("sha256")
      .update(JSON.stringify([argv, cwd, told]))
      .digest("hex"),
  };
}
