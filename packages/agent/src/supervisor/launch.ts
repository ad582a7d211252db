/** How the service's process is started: its command, its place, its user, its limits and its variables. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseEnv } from "node:util";
import { ConfigError } from "@legation/runtime";
import { adminUrl } from "../admin/address.js";
import type { AgentConfig } from "../config/definition.js";
import type { ProcessSpec } from "../process/running.js";
import { resolveUser } from "../process/user.js";

/** The addresses that the process is told. */
export interface LaunchAddresses {
  /** Where it is to listen. */
  readonly host: string;
  readonly admin: string;
  readonly outbound?: string;
}

/**
 * The launch of the configured command, undefined when there is none. The process gets the agent's environment, `HOST`, `PORT`, `SERVICE_*`,
 * `LEGATION_ADMIN` and `LEGATION_OUTBOUND` (URLs of the agent's API and of Envoy's outbound listener), and on top what the configuration says:
 * its env files, then its env. Throws a ConfigError for an env file that cannot be read and a user that there is not.
 */
export function launchOf(
  config: AgentConfig,
  env: Readonly<Record<string, string | undefined>>,
  addresses: LaunchAddresses,
  file: (name: string) => string,
): ProcessSpec | undefined {
  const { command: argv, cwd, env: own, envFiles, umask, limits } = config.values;
  if (!argv) return undefined;
  const { service, values } = config;
  const user = resolveUser({ ...(values.user ? { user: values.user } : {}), ...(values.group ? { group: values.group } : {}) });
  const told = {
    HOST: addresses.host,
    PORT: String(service.port),
    SERVICE_NAME: service.name,
    SERVICE_ID: service.id,
    ...(service.version ? { SERVICE_VERSION: service.version } : {}),
    LEGATION_ADMIN: adminUrl(addresses.admin),
    ...(addresses.outbound ? { LEGATION_OUTBOUND: `http://${addresses.outbound}` } : {}),
    ...user?.env,
    ...Object.assign({}, ...envFiles.map(variablesOf)),
    ...own,
  };
  return {
    argv,
    ...(cwd ? { cwd: resolve(cwd) } : {}),
    env: { ...environmentOf(env), ...told },
    ...(user ? { user: { uid: user.uid, gid: user.gid } } : {}),
    ...(umask ? { umask } : {}),
    limits,
    outputPath: file("app.log"),
    recordPath: file("app.json"),
    digest: createHash("sha256")
      .update(JSON.stringify([argv, cwd, told, user?.uid, user?.gid, umask, limits]))
      .digest("hex"),
  };
}

/** The agent's variables, without what systemd means for the agent alone. */
function environmentOf(env: Readonly<Record<string, string | undefined>>): Record<string, string | undefined> {
  const { NOTIFY_SOCKET: _socket, WATCHDOG_USEC: _limit, WATCHDOG_PID: _pid, ...others } = env;
  return others;
}

function variablesOf(path: string): Record<string, string> {
  try {
    return parseEnv(readFileSync(path, "utf8")) as Record<string, string>;
  } catch (error) {
    throw new ConfigError([`envFiles: ${path} cannot be read: ${(error as Error).message}. Write it, or take it out of envFiles`]);
  }
}
