/** Every option of the agent: its place in the file, its variable, its flag, its unit, default and effect. */
import { routingLimit, splitAddress } from "@legation/contract";
import { type ConfigValues, logLevels, option } from "@legation/runtime";
import { parseAdminAddress } from "../admin/address.js";
import { dependenciesOption } from "./dependencies.js";
import { healthOptions } from "./health-options.js";
import { processOptions } from "./process-options.js";
import { atLeast, loopbackProblem, nameProblem } from "./rules.js";
import { sizeOption } from "./size.js";

/** The option table; paths in the file follow its nesting. */
export const agentOptions = {
  name: option.string({
    description: "The service's name, a DNS label",
    required: true,
    env: "SERVICE_NAME",
    flag: "--name",
    check: nameProblem,
  }),
  id: option.string({
    description: "The instance's id, stable across restarts and unique on its Consul node; <name>-<host name>-<port> unless given",
    env: "SERVICE_ID",
    flag: "--id",
    check: (value) =>
      /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(value) ? undefined : "is not an id. Use up to 128 letters, digits, dots and dashes",
  }),
  version: option.string({ description: "The service's version", env: "SERVICE_VERSION", flag: "--version" }),
  host: option.string({
    description: "Where the application listens; for 0.0.0.0 the machine's own address is registered",
    default: "127.0.0.1",
    env: "SERVICE_HOST",
    flag: "--host",
  }),
  port: option.integer({
    description: "The application's port",
    required: true,
    env: "SERVICE_PORT",
    flag: "--port",
    min: 1,
    max: 65_535,
  }),
  protocol: option.enumeration(["http", "http2", "grpc", "tcp"], {
    description: "What the application speaks",
    default: "http",
    env: "SERVICE_PROTOCOL",
    flag: "--protocol",
  }),
  tags: option.list({ description: "Tags in Consul", default: [], env: "SERVICE_TAGS", flag: "--tags" }),
  meta: option.map({ description: "The service's own metadata in Consul", default: {}, flag: "--meta" }),
  dependencies: dependenciesOption,
  dependencyTimeout: option.duration({
    description: "How long required dependencies may be missing before this is reported as an error; the agent goes on waiting",
    default: 60_000,
  }),
  weights: {
    passing: option.integer({ description: "Share of the load while healthy", default: 2, flag: "--weight", min: 1, max: 65_535 }),
    warning: option.integer({ description: "Share of the load while degraded", default: 1, min: 1, max: 65_535 }),
  },
  balancing: option.enumeration(["round_robin", "least_connections", "weighted_round_robin", "random", "health_based", "hash"], {
    description: "The strategy that the service wishes for, below any policy of an operator",
    env: "LOAD_BALANCING_STRATEGY",
  }),
  circuitBreaker: {
    failureThreshold: option.integer({
      description: "Consecutive failures after which callers leave an instance out, as the service wishes",
      env: "CIRCUIT_BREAKER_THRESHOLD",
      min: 1,
      max: 1_000_000,
    }),
  },
  region: option.string({ description: "Where it runs", env: "SERVICE_REGION", flag: "--region" }),
  zone: option.string({ description: "Where in the region it runs", env: "SERVICE_ZONE", flag: "--zone" }),
  discovery: option.boolean({ description: "Register in Consul", default: true, env: "SERVICE_DISCOVERY_ENABLED", flag: "--discovery" }),
  ...processOptions,
  health: healthOptions,
  metrics: option.string({
    description: "Where the service shows its own metrics; the agent's page has them too",
    unit: "URL",
    check: (value) => (/^https?:\/\//.test(value) ? undefined : "is not a URL. Write http://127.0.0.1:8080/metrics"),
  }),
  heartbeat: option.duration({
    description: "How often Consul hears from the agent; after three missed ones the instance is out",
    default: 60_000,
    env: "SERVICE_HEARTBEAT",
    flag: "--heartbeat",
    check: atLeast(1_000, "1s"),
  }),
  deregisterAfter: option.duration({
    description: "Consul forgets an instance whose heartbeat has been missing for so long",
    default: 600_000,
    check: atLeast(60_000, "1m (Consul takes no less)"),
  }),
  restart: {
    attempts: option.integer({
      description: "Starts after a failed one, before the service is given up",
      default: 3,
      min: 0,
      max: 1_000,
    }),
    base: option.duration({ description: "The wait before the first attempt; it doubles each time", default: 2_000 }),
    resetAfter: option.duration({ description: "A run that was healthy for so long gives all attempts back", default: 300_000 }),
  },
  drain: {
    limit: option.duration({ description: "Requests under way may take so long at a stop", default: 30_000, flag: "--drain-limit" }),
    acknowledge: option.duration({
      description:
        "How long callers' proxies may take to acknowledge that this instance leaves or serves; then it goes on and names the late ones",
      default: 10_000,
      flag: "--drain-acknowledge",
      check: (ms) => (ms > routingLimit.max ? "is longer than a control plane waits. Write 60s or less" : undefined),
    }),
    wait: option.duration({
      description: "Time for callers' proxies where no control plane answers that they have acknowledged",
      default: 1_000,
      flag: "--drain-wait",
    }),
    outsiders: option.duration({
      description: "Time for callers outside the mesh; 0 where the address is loopback or mutual TLS is required, else 5s",
    }),
  },
  envoy: {
    enabled: option.boolean({ description: "Run an Envoy beside the service", default: true, flag: "--envoy" }),
    binary: option.string({ description: "The Envoy to run; found in PATH and .tools unless given", env: "ENVOY_BIN" }),
    inbound: option.address({
      description: "Where Envoy accepts what is meant for the service; port 20000 of the service's host unless given",
      env: "LEGATION_INBOUND_ADDR",
      flag: "--inbound-addr",
    }),
    outbound: option.address({
      description: "Where Envoy accepts what the application sends to others",
      default: "127.0.0.1:15001",
      env: "LEGATION_OUTBOUND_ADDR",
      flag: "--outbound-addr",
      check: loopbackProblem,
    }),
    admin: option.address({
      description: "Envoy's admin interface",
      default: "127.0.0.1:19000",
      env: "LEGATION_ENVOY_ADMIN_ADDR",
      flag: "--envoy-admin-addr",
      check: loopbackProblem,
    }),
    answerWithin: option.duration({
      description: "An Envoy that lives and has not answered its agent for so long is replaced",
      default: 10_000,
      check: atLeast(3_000, "3s"),
    }),
    hotRestart: option.boolean({
      description: "Let a new Envoy take over from the one before without a lost request when its version or bootstrap changes",
      default: true,
    }),
    maxHeap: sizeOption({ description: "Envoy's heap; near it Envoy refuses new requests instead of dying", default: 2 ** 30 }),
    maxConnections: option.integer({ description: "Connections from clients that Envoy accepts", default: 50_000, min: 1 }),
    concurrency: option.integer({ description: "Envoy's worker threads", default: 2, min: 1, max: 256 }),
    logLevel: option.enumeration(["trace", "debug", "info", "warning", "error", "critical", "off"], {
      description: "Envoy's log level",
      default: "warning",
    }),
  },
  identity: {
    certificates: option.enumeration(["auto", "on", "off"], {
      description:
        "Have a certificate of Consul's CA for the service: auto where Consul has Connect enabled, on never to start without one",
      default: "auto",
      env: "LEGATION_CERTIFICATES",
      flag: "--certificates",
    }),
  },
  consul: {
    address: option.string({
      description: "Consul's agent on this machine; CONSUL_HTTP_ADDR and Consul's other variables count too",
      unit: "URL",
      env: "CONSUL_HTTP_ADDR",
      flag: "--consul-addr",
    }),
    token: option.string({ description: "Consul's ACL token", env: "CONSUL_HTTP_TOKEN", secret: true }),
    tokenFile: option.string({
      description: "A file with Consul's ACL token; a changed one counts at once",
      env: "CONSUL_HTTP_TOKEN_FILE",
    }),
    login: option.object({
      description: "Log in for an ACL token; it stands above token and tokenFile",
      fields: {
        method: option.string({ description: "The auth method in Consul", required: true }),
        bearerTokenFile: option.string({ description: "The file with the bearer token, such as a workload's JWT", required: true }),
        meta: option.map({ description: "Shown by Consul beside the token", default: {} }),
      },
    }),
    compare: option.duration({
      description: "How often the registration is compared with what Consul has",
      default: 5_000,
      check: atLeast(100, "100ms"),
    }),
  },
  controlPlane: {
    xds: option.listOf(option.address({ description: "One of them" }), {
      description: "xDS addresses of the control planes",
      default: ["127.0.0.1:18000"],
      env: "LEGATION_CONTROL_PLANE_XDS",
      flag: "--control-plane-xds",
    }),
    api: option.list({
      description: "HTTP addresses of the control planes, tried in order",
      unit: "URL",
      default: ["http://127.0.0.1:8080"],
      env: "LEGATION_CONTROL_PLANE_API",
      flag: "--control-plane-api",
    }),
  },
  admin: option.parsed("host:port or unix:/path", parseAdminAddress, {
    description: "The agent's own API: a loopback port, with a token, or a Unix socket of mode 0600",
    default: "127.0.0.1:19100",
    env: "LEGATION_ADMIN_ADDR",
    flag: "--admin-addr",
    unit: "address",
  }),
  metricsAddress: option.address({
    description:
      "Serve the metrics page here too, alone, for a Prometheus on another machine; it finds the address in the registration. Not served unless given",
    env: "LEGATION_METRICS_ADDR",
    flag: "--metrics-addr",
    check: (address) => (splitAddress(address) ? undefined : "has no port. Write 0.0.0.0:19101"),
  }),
  stateDir: option.string({
    description: "Where the agent keeps what it must find again; one for each instance. ~/.local/state/legation/<id> unless given",
    env: ["LEGATION_STATE_DIR", "STATE_DIRECTORY"],
    flag: "--state-dir",
  }),
  logLevel: option.enumeration(logLevels, { description: "The agent's log level", default: "info", env: "LOG_LEVEL", flag: "--log-level" }),
};

/** The values of the agent's options. */
export type AgentValues = ConfigValues<typeof agentOptions>;
