/** A token by logging in at one of Consul's auth methods: with the first request, and again when Consul does not know it any more. */
import { readFileSync } from "node:fs";
import { type Clock, messageOf, systemClock } from "@legation/runtime";
import { ConsulError } from "./error.js";
import type { Exchange, Transport } from "./transport.js";

/** How to log in (Consul's API: `POST /v1/acl/login`). */
export interface Login {
  /** The name of the auth method in Consul. */
  readonly method: string;
  /** The file with the bearer token that the method takes, such as a workload's JWT; read again for each login. */
  readonly bearerTokenFile: string;
  /** Shown by Consul beside the token. */
  readonly meta?: Readonly<Record<string, string>>;
}

const timeoutMs = 10_000;
/** A token that is younger and refused lacks a rule: another one would lack it too. */
const youngMs = 5_000;

/** A transport that sends each request with a token of its own logins. */
export function withLogin(transport: Transport, login: Login, clock: Clock = systemClock): Transport {
  let token: string | undefined;
  let since = Number.NEGATIVE_INFINITY;
  let pending: Promise<string> | undefined;

  const logIn = async (): Promise<string> => {
    const body = { AuthMethod: login.method, BearerToken: bearer(login.bearerTokenFile), Meta: login.meta ?? {} };
    try {
      const reply = await transport.send({ method: "POST", path: "/acl/login", query: {}, body, timeoutMs, repeatable: false });
      token = (JSON.parse(reply.body.toString("utf8")) as { SecretID: string }).SecretID;
      since = clock.monotonic();
      return token;
    } catch (error) {
      if (!(error instanceof ConsulError) || error.code === "consul.unreachable") throw error;
      throw new ConsulError(
        "consul.forbidden",
        `Consul's auth method ${login.method} takes no login with ${login.bearerTokenFile}: ${messageOf(error)}. Check the method's name, its binding rules and that file`,
        { cause: error },
      );
    }
  };
  const fresh = (): Promise<string> => {
    pending ??= logIn().finally(() => {
      pending = undefined;
    });
    return pending;
  };

  return {
    ...transport,
    token: async () => token ?? (await fresh()),
    async send(exchange: Exchange) {
      if (exchange.token) return await transport.send(exchange);
      const used = token ?? (await fresh());
      try {
        return await transport.send({ ...exchange, token: used });
      } catch (error) {
        const refused = error instanceof ConsulError && error.code === "consul.forbidden";
        if (!refused || (used === token && clock.monotonic() - since < youngMs)) throw error;
        return await transport.send({ ...exchange, token: used === token ? await fresh() : (token ?? used) });
      }
    },
  };
}

function bearer(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (cause) {
    throw new ConsulError("consul.config", `the bearer token file ${path} cannot be read: ${messageOf(cause)}. Write it, or name another`, {
      cause,
    });
  }
}
