/** Puts a configuration that was read again into effect, part by part, while the service runs. */
import { ConfigError, LegationError, messageOf } from "@legation/runtime";
import type { Changes } from "./config/change.js";
import { portProblems, type Surroundings } from "./config/dependencies.js";
import { envoyBinaryOf } from "./envoy/setup.js";
import { createProbe } from "./health/create-probe.js";
import type { Instance } from "./instance.js";
import type { Reread } from "./reload.js";
import { createHookRunner } from "./supervisor/hooks.js";
import { launchOf } from "./supervisor/launch.js";

type Environment = Readonly<Record<string, string | undefined>>;

/** What is started of the service by the instance's configuration; undefined when somebody else starts it. Throws as `launchOf` does. */
export function launchFor(
  instance: Pick<Instance, "addresses" | "stateDir" | "clock" | "log">,
  config: Instance["config"],
  env: Environment,
) {
  const { addresses, stateDir, clock, log } = instance;
  // Where all are to come through Envoy, nobody but this machine needs to reach the service itself.
  const host = stateDir.kept.mode === "strict" ? config.app.host : config.service.host;
  const told = { host, admin: addresses.admin, ...(config.values.envoy.enabled ? { outbound: addresses.outbound } : {}) };
  const launch = launchOf(config, env, told, stateDir.file);
  const { hooks } = config.values;
  return launch && { launch, hooks: createHookRunner({ hooks, launch, recordPath: stateDir.file("hook.json"), clock, log }) };
}

/** From now on the service is started by the mode that holds now; one that cannot be prepared is told, and started as before. */
export function relaunch(instance: Instance, env: Environment): void {
  const { supervisor, config, log } = instance;
  try {
    const start = launchFor(instance, config, env);
    if (start) supervisor.relaunch(start.launch, start.hooks);
  } catch (error) {
    log.warn({ event: "service.relaunch-failed", problem: messageOf(error) }, messageOf(error));
  }
}

/** Prepares everything that can fail; the result takes effect at once and does not throw. `publish` tells of what is new. */
export function reconfigure(instance: Instance, env: Environment, publish: () => void, { config }: Reread, changes: Changes): () => void {
  const { supervisor, health } = instance;
  const start = launchFor(instance, config, env);
  const clashes = config.values.envoy.enabled ? portProblems(config.service.dependencies, beside(instance.addresses)) : [];
  if (clashes.length > 0) throw new ConfigError(clashes.map((problem) => `dependencies: ${problem}`));
  if ((start === undefined) !== (instance.config.values.command === undefined))
    throw new LegationError("config", "command: it cannot be added or taken away while the agent runs. Restart the agent for that");
  const binary = instance.envoy && envoyBinaryOf(config, env);
  return () => {
    instance.config = config;
    if (changes.now.includes("health"))
      health.change(config.checks, ({ target }) => createProbe(target, start?.launch ?? { env: { ...env, ...config.values.env } }));
    if (start) supervisor.relaunch(start.launch, start.hooks);
    if (binary !== undefined) instance.envoy?.update(config, binary, "the configuration has changed");
    publish();
    if (changes.now.length > 0) instance.registrar?.renew("the configuration has changed");
  };
}

/** What is open already, under the ports that were picked. */
function beside({ admin, inbound, outbound, envoyAdmin }: Instance["addresses"]): Surroundings {
  const taken = Object.entries({ admin, "envoy.inbound": inbound, "envoy.outbound": outbound, "envoy.admin": envoyAdmin });
  return {
    host: outbound.slice(0, outbound.lastIndexOf(":")),
    taken: taken.map(([setting, address]) => ({ setting, address })),
    envoy: true,
  };
}
