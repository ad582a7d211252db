/** From a labelled container to the definition of a service instance, the same as one that a file defines. */
import { ConfigError, type LoadedConfig, loadConfig } from "@legation/runtime";
import { type AgentConfig, defineAgent, type Machine } from "../config/definition.js";
import type { agentOptions } from "../config/options.js";
import { fileOptions } from "../fleet/options.js";
import { addressOf } from "./address.js";
import type { Container } from "./container.js";
import { type LabelValues, readLabels } from "./labels.js";

/** What the definition takes from around the container. */
export interface ContainerSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Flags that set what all services share. */
  readonly argv: readonly string[];
  readonly machine: Machine;
}

const idLength = 12;

/** Defines the instance. Throws a ConfigError in which each problem names the container, the label and the fix. */
export function defineContainer(container: Container, { env, argv, machine }: ContainerSurroundings): AgentConfig {
  try {
    const labels = readLabels(container.labels);
    const address = addressOf(container, labels);
    if ("problem" in address) throw new ConfigError([address.problem]);
    const text = JSON.stringify(settingsOf(container, labels, address));
    const { values, origins } = loadConfig(fileOptions, { env, argv, file: { path: "labels", text } });
    return defineAgent(values, labelsOf(origins), machine);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(error.problems.map((problem) => `container ${container.name}: ${problem}`));
  }
}

function settingsOf(container: Container, labels: LabelValues, address: { readonly host: string; readonly port: number }): object {
  const { name = "", version, tags, protocol, dependencies, region, zone, meta, weight, warningWeight, heartbeat } = labels;
  const ms = (value: number | undefined): string | undefined => (value === undefined ? undefined : `${value}ms`);
  return {
    name,
    id: labels.id ?? `${name}-${container.id.slice(0, idLength)}`,
    version,
    ...address,
    protocol,
    tags,
    dependencies,
    region,
    zone,
    meta,
    heartbeat: ms(heartbeat),
    weights: { passing: weight, warning: warningWeight },
    health: {
      ...checkOf(labels.health ?? "tcp"),
      interval: ms(labels.interval),
      timeout: ms(labels.timeout),
      failureThreshold: labels.failureThreshold,
      recoveryThreshold: labels.recoveryThreshold,
    },
    envoy: { enabled: false },
  };
}

function checkOf(health: string): object {
  if (health.startsWith("/")) return { http: { path: health } };
  return health === "tcp" ? { tcp: true } : { checks: [{ grpc: { service: health.replace(/^grpc:?/, "") } }] };
}

/** The origins by label, for what only the definition as a whole can check. */
function labelsOf(origins: LoadedConfig<typeof agentOptions>["origins"]): Record<string, string> {
  const set = Object.entries(origins).filter(([, origin]) => origin !== "default");
  return Object.fromEntries(set.map(([path, origin]) => [path, origin.startsWith("labels:") ? `label service.${path}` : origin]));
}
