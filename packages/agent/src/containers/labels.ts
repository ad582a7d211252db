/** The labels by which a container says what service it is. */
import { ConfigError, type ConfigValues, loadConfig, nearest, option } from "@legation/runtime";
import { agentOptions } from "../config/options.js";
import { nameProblem } from "../config/rules.js";

/** The label that makes a container a service. */
export const nameLabel = "service.name";

const metaPrefix = "service.meta.";

/** Every label, named where an option names its variable. */
const labelOptions = {
  name: option.string({ description: "The service's name", env: nameLabel, check: nameProblem }),
  id: option.string({
    description: "The instance's id; <name>-<the container's id> unless given",
    env: "service.id",
    check: (value) => agentOptions.id.spec.check?.(value),
  }),
  version: option.string({ description: "The service's version", env: "service.version" }),
  tags: option.list({ description: "Tags in Consul", default: [], env: "service.tags" }),
  port: option.integer({ description: "The port inside the container", env: "service.port", min: 1, max: 65_535 }),
  address: option.enumeration(["published", "container"], { description: "Which address is registered", env: "service.address" }),
  network: option.string({ description: "The network whose address is registered", env: "service.network" }),
  protocol: option.enumeration(["http", "http2", "grpc", "tcp"], {
    description: "What it speaks",
    default: "http",
    env: "service.protocol",
  }),
  dependencies: option.list({ description: "The services that it calls", default: [], env: "service.dependencies" }),
  weight: option.integer({ description: "Share of the load while healthy", env: "service.weight", min: 1, max: 65_535 }),
  warningWeight: option.integer({ description: "Share of the load while degraded", env: "service.weight.warning", min: 1, max: 65_535 }),
  region: option.string({ description: "Where it runs", env: "service.region" }),
  zone: option.string({ description: "Where in the region it runs", env: "service.zone" }),
  health: option.string({
    description: "A path for GET, tcp, grpc, or grpc: and a gRPC service",
    env: "service.health",
    check: (value) => (/^(\/.*|tcp|grpc(:.+)?)$/s.test(value) ? undefined : "is no check. Write a path such as /health, or tcp, or grpc"),
  }),
  interval: option.duration({ description: "From one check to the next", env: "service.health.interval" }),
  timeout: option.duration({ description: "A check that takes longer has failed", env: "service.health.timeout" }),
  failureThreshold: option.integer({ description: "Failures in a row that make unhealthy", env: "service.health.failures", min: 1 }),
  recoveryThreshold: option.integer({ description: "Successes in a row that make healthy", env: "service.health.successes", min: 1 }),
  heartbeat: option.duration({ description: "How often Consul hears from the agent", env: "service.heartbeat" }),
};

/** What the labels say. */
export type LabelValues = ConfigValues<typeof labelOptions> & { readonly meta: Readonly<Record<string, string>> };

/** Reads a container's labels. Throws a ConfigError with every problem, each named by its label with the fix. */
export function readLabels(labels: Readonly<Record<string, string>>): LabelValues {
  const known = Object.values(labelOptions).flatMap(({ spec }) => [spec.env ?? []].flat());
  const own = Object.keys(labels).filter((label) => label.startsWith("service."));
  const problems = own.flatMap((label) => {
    if (known.includes(label) || (label.startsWith(metaPrefix) && label.length > metaPrefix.length)) return [];
    const meant = nearest(label, known);
    return [
      `${label}: there is no such label. ${meant ? `Did you mean ${meant}?` : `Known are ${known.join(", ")} and ${metaPrefix}<key>.`}`,
    ];
  });
  if (!labels[nameLabel]) problems.push(`${nameLabel}: the value is missing. Write the service's name, such as orders.`);
  const values = collect(problems, () => loadConfig(labelOptions, { env: labels }).values);
  if (!values || problems.length > 0) throw new ConfigError(problems);
  const meta = own.filter((label) => label.startsWith(metaPrefix)).map((label) => [label.slice(metaPrefix.length), labels[label] ?? ""]);
  return { ...values, meta: Object.fromEntries(meta) };
}

function collect<T>(problems: string[], read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems);
    return undefined;
  }
}
