/** The one error of this package: what failed at Consul, and what to do about it. */
import { codeOf, LegationError, messageOf } from "@legation/runtime";
import { missingRule } from "./permission.js";

/**
 * `unreachable`: no whole answer came. `forbidden`: an ACL rule is missing, or the token is unknown. `not-found`: Consul does not
 * know the service, check or key (an agent then registers again). `no-leader`: Consul's servers cannot decide for now. `busy`:
 * Consul's own limits refused. `refused`: the request itself is wrong. `bad-answer`: anything else that is no usable answer.
 * `no-connect`: Connect, and with it Consul's CA, is switched off. `config`: the options are wrong.
 */
export type ConsulErrorCode =
  | "consul.unreachable"
  | "consul.forbidden"
  | "consul.not-found"
  | "consul.no-leader"
  | "consul.busy"
  | "consul.no-connect"
  | "consul.refused"
  | "consul.bad-answer"
  | "consul.config";

/** Thrown by everything in this package, but for the reason of an abort, which is thrown as it is. */
export class ConsulError extends LegationError {
  declare readonly code: ConsulErrorCode;
  /** The HTTP status, when there was an answer. */
  readonly status: number | undefined;

  constructor(code: ConsulErrorCode, message: string, options: { status?: number; cause?: unknown } = {}) {
    super(code, message, "cause" in options ? { cause: options.cause } : undefined);
    this.name = "ConsulError";
    this.status = options.status;
  }
}

/** The request that an error speaks of. */
export interface Asked {
  readonly method: string;
  /** Path below `/v1`, without the query. */
  readonly path: string;
  /** Consul's address, as a URL. */
  readonly address: string;
}

const addressHint = "give another address with --consul-addr or CONSUL_HTTP_ADDR";

/** The error for a request that brought no whole answer. */
export function unreachable(asked: Asked, cause: unknown): ConsulError {
  const why = messageOf(cause);
  const fix = /CERT|TLS|SSL|ALTNAME|EPROTO/.test(codeOf(cause) ?? "")
    ? "Check CONSUL_CACERT, CONSUL_CLIENT_CERT and CONSUL_CLIENT_KEY, and that the address speaks what it says (http or https)"
    : `Start Consul there, or ${addressHint}`;
  return new ConsulError(
    "consul.unreachable",
    `Consul at ${asked.address} did not answer ${asked.method} /v1${asked.path}: ${why}. ${fix}.`,
    {
      cause,
    },
  );
}

/** The error for an answer whose status is not 2xx; `text` is the body as Consul wrote it. */
export function refusal(asked: Asked, status: number, text: string): ConsulError {
  const said = text.trim();
  const where = `Consul at ${asked.address}`;
  const what = `${asked.method} /v1${asked.path}`;
  const error = (code: ConsulErrorCode, message: string) => new ConsulError(code, message, { status });

  if (status === 403 || status === 401 || /\b(Permission denied|ACL not found)\b/.test(said))
    return error("consul.forbidden", `${where} refused ${what}: ${said || `status ${status}`}. ${missingRule(asked, said)}`);
  if (/Connect must be enabled/i.test(said))
    return error(
      "consul.no-connect",
      `${where} refused ${what}: ${said}. Set connect { enabled = true } in the configuration of its servers and of this agent.`,
    );
  if (status === 404 || /unknown (service|check)\b|does not have associated TTL|service not registered/i.test(said))
    return error("consul.not-found", `${where} does not know what ${what} asks for${said ? `: ${said}` : ""}.`);
  if (/no cluster leader|leader not found|not ready to serve consistent reads|no known consul servers|leadership lost/i.test(said))
    return error("consul.no-leader", `${where} has no leader at the moment (${said}). It answers again when its servers have elected one.`);
  if (/no path to datacenter/i.test(said))
    return error(
      "consul.refused",
      `${where} has no way to that data centre (${said}). Check --datacenter: \`consul members -wan\` lists them.`,
    );
  if (status === 429 || /too many concurrent connections|rate limit/i.test(said))
    return error(
      "consul.busy",
      `${where} refused ${what}: ${said || "too many connections"}. Raise limits.http_max_conns_per_client in its configuration.`,
    );
  if (status >= 400 && status < 500) return error("consul.refused", `${where} refused ${what}: ${said || `status ${status}`}.`);
  return error("consul.bad-answer", `${where} failed at ${what} with status ${status}${said ? `: ${said}` : ""}.`);
}
