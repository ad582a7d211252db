/** Everything that can be set on a control plane: flags, variables, units, defaults and effects in one table. */
import { homedir } from "node:os";
import { join } from "node:path";
import type { ConsulOptions } from "@legation/consul";
import { ConfigError, type ConfigValues, LegationError, logLevels, option, parseAddress } from "@legation/runtime";

/** The table; `--help` and the reference are made from it. */
export const controlPlaneOptions = {
  xds: {
    address: option.address({
      description: "Where proxies connect by gRPC. Port 0 picks one and keeps it in the state directory",
      default: "127.0.0.1:18000",
      env: "LEGATION_XDS_ADDR",
      flag: "--xds-addr",
    }),
    plaintext: option.enumeration(["loopback", "off"], {
      description:
        "Where xDS is served in plain text too: on a loopback address alone, or nowhere. TLS is served as soon as Consul's CA gives a certificate",
      default: "loopback",
      env: "LEGATION_XDS_PLAINTEXT",
      flag: "--xds-plaintext",
    }),
    insecure: option.boolean({
      description: "Serve xDS in plain text on an address that others can reach, too. Anyone there can read the mesh",
      default: false,
      env: "LEGATION_INSECURE_XDS",
      flag: "--insecure-xds",
    }),
  },
  http: {
    address: option.address({
      description: "Where the HTTP API and the metrics listen. Port 0 picks one and keeps it in the state directory",
      default: "127.0.0.1:8080",
      env: "LEGATION_HTTP_ADDR",
      flag: "--http-addr",
    }),
    rateLimit: option.integer({
      description: "Requests that one client of the HTTP API may make in a second, counted over 10 s. An agent's channel counts by itself",
      default: 200,
      min: 1,
      env: "LEGATION_RATE_LIMIT",
      flag: "--rate-limit",
    }),
    metricsOpen: option.boolean({
      description: "Serve /metrics to who shows no ACL token too, where Consul uses ACLs",
      default: false,
      env: "LEGATION_METRICS_OPEN",
      flag: "--metrics-open",
    }),
    metricsServices: option.integer({
      description: "Services that /metrics has figures of, at most; the first ones by name",
      default: 5_000,
      min: 0,
      env: "LEGATION_METRICS_SERVICES",
      flag: "--metrics-services",
    }),
  },
  policies: option.string({
    description: "Directory of policy files (YAML, JSON), read again when one changes. Default: the policies in Consul's KV",
    env: "LEGATION_POLICIES",
    flag: "--policies",
    unit: "directory",
  }),
  approvalKeys: option.string({
    description:
      "File of the operators' public keys whose signatures count, and of what never changes without them. Without it no guarded policy is taken",
    env: "LEGATION_APPROVAL_KEYS",
    flag: "--approval-keys",
    unit: "file",
  }),
  stateDir: option.string({
    description:
      "Directory for the last good state, the kept ports and ready.json. Default: legation/control-plane in $XDG_STATE_HOME or ~/.local/state",
    env: ["LEGATION_STATE_DIR", "STATE_DIRECTORY"],
    flag: "--state-dir",
  }),
  datacenter: option.string({
    description: "Consul data centre to read. Default: that of the Consul agent asked",
    env: "LEGATION_DATACENTER",
    flag: "--datacenter",
  }),
  defaultIntention: option.enumeration(["allow", "deny"], {
    description: "What becomes of a call that no intention speaks of. Default: what the Consul agent says, of its intentions or its ACLs",
    env: "LEGATION_DEFAULT_INTENTION",
    flag: "--default-intention",
  }),
  deniedRate: option.integer({
    description: "So many calls of one service to another in a minute, refused by intentions, are a security event",
    default: 60,
    min: 1,
    env: "LEGATION_DENIED_RATE",
    flag: "--denied-rate",
  }),
  logLevel: option.enumeration(logLevels, {
    description: "Least level that is written to standard error",
    default: "info",
    env: "LEGATION_LOG_LEVEL",
    flag: "--log-level",
  }),
  consul: {
    address: option.string({
      description: "Consul's HTTP API, as URL or host:port",
      default: "http://127.0.0.1:8500",
      env: "CONSUL_HTTP_ADDR",
      flag: "--consul-addr",
    }),
    token: option.string({ description: "ACL token", env: "CONSUL_HTTP_TOKEN", secret: true }),
    tokenFile: option.string({ description: "File with the ACL token; stands above the token", env: "CONSUL_HTTP_TOKEN_FILE" }),
    secure: option.boolean({ description: "Use TLS where the address has no scheme", default: false, env: "CONSUL_HTTP_SSL" }),
    verify: option.boolean({ description: "Check Consul's certificate", default: true, env: "CONSUL_HTTP_SSL_VERIFY" }),
    basicAuth: option.string({ description: "user:password for a proxy before Consul", env: "CONSUL_HTTP_AUTH", secret: true }),
    namespace: option.string({ description: "Namespace (Consul Enterprise)", env: "CONSUL_NAMESPACE" }),
    caFile: option.string({ description: "PEM file of the CA that signed Consul's certificate", env: "CONSUL_CACERT" }),
    caPath: option.string({ description: "Directory of such files", env: "CONSUL_CAPATH" }),
    certFile: option.string({ description: "PEM file of the client certificate shown to Consul", env: "CONSUL_CLIENT_CERT" }),
    keyFile: option.string({ description: "PEM file of its key", env: "CONSUL_CLIENT_KEY" }),
    serverName: option.string({ description: "Name to expect in Consul's certificate", env: "CONSUL_TLS_SERVER_NAME" }),
  },
} as const;

/** The values of the table. */
export type ControlPlaneConfig = ConfigValues<typeof controlPlaneOptions>;

/** How to reach Consul, as its client takes it. */
export function consulOptions(config: ControlPlaneConfig): ConsulOptions {
  const { secure, verify, ...rest } = config.consul;
  const all = { ...rest, datacenter: config.datacenter, secure, verify };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined && value !== "")) as ConsulOptions;
}

/** The state directory: the one that was named, else the user's own. */
export function stateDirectory(config: ControlPlaneConfig, env: Readonly<Record<string, string | undefined>>): string {
  return config.stateDir ?? join(env["XDG_STATE_HOME"] || join(env["HOME"] || homedir(), ".local", "state"), "legation", "control-plane");
}

/** True for an address that only this machine reaches. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/**
 * True where proxies may connect to `host` in plain text. Throws a ConfigError where both were asked for, to serve plain text everywhere and
 * nowhere.
 */
export function servesPlaintext({ xds }: ControlPlaneConfig, host: string): boolean {
  if (xds.plaintext === "off" && xds.insecure)
    throw new ConfigError(["--insecure-xds serves plain text to others, and --xds-plaintext off to nobody: give one of the two"]);
  return xds.plaintext !== "off" && (isLoopback(host) || xds.insecure);
}

/** An address of the configuration in its parts. Throws LegationError `config`. */
export function addressOf(address: string): { readonly host: string; readonly port: number } {
  const parsed = parseAddress(address);
  if (!parsed) throw new LegationError("config", `${address} is no address. Write host:port, such as 127.0.0.1:8080`);
  return parsed;
}
